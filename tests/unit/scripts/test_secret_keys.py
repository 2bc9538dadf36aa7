import stat

from contracts.settings import StackSettings
from scripts.secret_keys import SECRET_FIELDS, missing_secrets, write_missing_secrets


def read(path, **overrides):
    return StackSettings(_env_file=path / "secrets.env", data_dir=path, **overrides)


def test_every_missing_secret_is_written_once_and_stays(tmp_path):
    names = write_missing_secrets(read(tmp_path))
    assert len(names) == len(SECRET_FIELDS) == 5
    first = (tmp_path / "secrets.env").read_text()
    assert write_missing_secrets(read(tmp_path)) == ()
    assert (tmp_path / "secrets.env").read_text() == first
    values = [getattr(read(tmp_path), field).get_secret_value() for field in SECRET_FIELDS]
    assert len(set(values)) == 5
    assert min(map(len, values)) >= 32


def test_file_is_for_its_user_alone(tmp_path):
    write_missing_secrets(read(tmp_path))
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600


def test_secret_set_elsewhere_is_not_written(tmp_path):
    names = write_missing_secrets(read(tmp_path, db_owner_password="mine"))
    assert "CRYPTOVIZ_DB_OWNER_PASSWORD" not in names
    assert missing_secrets(read(tmp_path)) == ("CRYPTOVIZ_DB_OWNER_PASSWORD",)


def test_every_secret_setting_is_covered():
    secret = {name for name, field in StackSettings.model_fields.items() if "SecretStr" in str(field.annotation)}
    given_by_others = {"kafka_sasl_password", "notify_webhook_url"}
    assert secret - given_by_others == set(SECRET_FIELDS)
