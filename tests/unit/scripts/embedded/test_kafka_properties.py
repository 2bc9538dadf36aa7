from contracts.topics import MAX_RECORD_BYTES
from scripts.embedded.kafka import server_properties


def test_listeners_are_on_loopback_alone(tmp_path):
    properties = server_properties(tmp_path, 19092, 19093)
    assert properties["listeners"] == "PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093"
    assert properties["advertised.listeners"] == "PLAINTEXT://127.0.0.1:19092"


def test_broker_takes_what_the_contracts_allow_and_makes_no_topic_by_itself(tmp_path):
    properties = server_properties(tmp_path, 19092, 19093)
    assert properties["message.max.bytes"] == properties["replica.fetch.max.bytes"] == str(MAX_RECORD_BYTES)
    assert properties["auto.create.topics.enable"] == "false"
