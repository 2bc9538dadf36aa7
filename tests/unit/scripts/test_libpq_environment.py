from scripts.libpq_environment import shell_lines


def test_each_part_of_the_address_is_a_variable_and_nothing_is_left_to_the_shell():
    assert shell_lines("postgresql://me:p%27%24x@db.example:5433/crypto?sslmode=require") == [
        "export PGUSER=me",
        "export PGPASSWORD='p'\"'\"'$x'",
        "export PGDATABASE=crypto",
        "export PGHOST=db.example",
        "export PGPORT=5433",
        "export PGSSLMODE=require",
    ]
