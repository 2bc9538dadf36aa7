"""The registry of backfills equals the folders that have one."""

from contracts.settings import ROOT
from data_producers.backfill.venues import BACKFILL_VENUES


def test_every_venue_with_a_history_is_registered_from_its_own_folder():
    folders = {path.parent.name for path in (ROOT / "data_producers" / "sources").glob("*/history.py")}
    registered = {name: venue.history.__module__ for name, venue in BACKFILL_VENUES.items()}
    assert registered == {name: f"data_producers.sources.{name}.history" for name in folders}
