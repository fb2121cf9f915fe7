from tests.lab.machine import parse_listens

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
ROW = "   0: 00000000:0016 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0\n"


def test_a_socket_that_listens_is_found():
    assert parse_listens(HEAD + ROW.format(state="0A"), 22)


def test_connections_and_other_ports_do_not_count():
    assert not parse_listens(HEAD + ROW.format(state="01"), 22)
    assert not parse_listens(HEAD + ROW.format(state="0A"), 2222)
    assert not parse_listens(HEAD, 22)
