"""SSH packets: what we seal paramiko opens, what it seals we open, and nothing that was changed."""

import os
import socket
import threading

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from paramiko.common import MSG_CHANNEL_DATA
from paramiko.message import Message
from paramiko.packet import NeedRekeyException, Packetizer
from paramiko.ssh_exception import SSHException

from lpse_ops.remote.sshpackets import ChannelData, QuickPacketizer

KEY, START = bytes(range(16)), b"abcd" + b"\xff" * 6 + b"\xfe\xff"


class Forgetful(QuickPacketizer):
    """Wants new keys after some bytes."""

    REKEY_BYTES = 1000
    REKEY_BYTES_OVERFLOW_MAX = 1000


@pytest.fixture
def wire():
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.settimeout(0.1)
    with ours, theirs:
        yield ours, theirs


def writer(kind, end):
    packetizer = kind(end)
    packetizer.set_outbound_cipher(
        block_engine=AESGCM(KEY), block_size=16, mac_engine=None, mac_size=16, mac_key=None,
        aead=True, iv_out=START,
    )  # fmt: skip
    return packetizer


def reader(kind, end):
    packetizer = kind(end)
    packetizer.set_inbound_cipher(
        block_engine=AESGCM(KEY), block_size=16, mac_engine=None, mac_size=16, mac_key=None,
        aead=True, iv_in=START,
    )  # fmt: skip
    return packetizer


def message(content):
    made = Message()
    made.add_bytes(content)
    return made


@pytest.mark.parametrize("size", [0, 1, 10, 11, 12, 15, 16, 17, 32704])
@pytest.mark.parametrize(
    ("sends", "reads"),
    [
        (QuickPacketizer, Packetizer),
        (Packetizer, QuickPacketizer),
        (QuickPacketizer, QuickPacketizer),
    ],
)
def test_both_understand_each_other(wire, sends, reads, size):
    sending, reading = writer(sends, wire[0]), reader(reads, wire[1])
    for kind in (5, 200):
        content = os.urandom(size)
        sending.send_message(message(bytes((kind,)) + content))
        got, arrived = reading.read_message()
        assert (got, arrived.asbytes()) == (kind, content)


@pytest.mark.parametrize("reads", [Packetizer, QuickPacketizer])
def test_pieces_of_channel_data_are_packets(wire, reads):
    sending, reading = writer(QuickPacketizer, wire[0]), reader(reads, wire[1])
    pieces = [os.urandom(size) for size in (1, 3000, 20_000)]
    sending.send_message(ChannelData(7, [memoryview(piece) for piece in pieces]))
    for piece in pieces:
        kind, arrived = reading.read_message()
        assert kind == MSG_CHANNEL_DATA
        assert (arrived.get_int(), arrived.get_binary()) == (7, piece)


def test_channel_data_without_a_cipher_of_ours(wire):
    sending, reading = QuickPacketizer(wire[0]), QuickPacketizer(wire[1])
    sending.send_message(ChannelData(7, [memoryview(b"one"), memoryview(b"two")]))
    for piece in (b"one", b"two"):
        _, arrived = reading.read_message()
        assert (arrived.get_int(), arrived.get_binary()) == (7, piece)


def test_packets_are_numbered(wire):
    sending, reading = writer(QuickPacketizer, wire[0]), reader(QuickPacketizer, wire[1])
    for number in range(3):
        sending.send_message(message(b"x"))
        assert reading.read_message()[1].seqno == number


@pytest.mark.parametrize("place", [4, 20, -1])
def test_a_changed_packet_is_refused(wire, place):
    ours, theirs = wire
    writer(QuickPacketizer, ours).send_message(message(b"x" * 50))
    packet = bytearray(theirs.recv(1000))
    packet[place] ^= 1
    ours.sendall(packet)
    with pytest.raises(SSHException, match="changed on its way"):
        reader(QuickPacketizer, theirs).read_message()


@pytest.mark.parametrize("size", [0, 1, 17, 1 << 20, 0xFFFFFFF0])
def test_a_length_that_no_packet_has(wire, size):
    ours, theirs = wire
    ours.sendall(size.to_bytes(4, "big") + bytes(64))
    with pytest.raises(SSHException, match=f"a packet of {size} bytes"):
        reader(QuickPacketizer, theirs).read_message()


@pytest.mark.parametrize("padding", [15, 16, 255])
def test_a_packet_of_padding_only(wire, padding):
    ours, theirs = wire
    length = (16).to_bytes(4, "big")
    plain = bytes((padding,)) + bytes(15)
    ours.sendall(length + AESGCM(KEY).encrypt(START, plain, length))
    with pytest.raises(SSHException, match="padding only"):
        reader(QuickPacketizer, theirs).read_message()


def test_the_end_of_the_stream(wire):
    reading = reader(QuickPacketizer, wire[1])
    wire[0].sendall(b"\0\0")
    wire[0].close()
    with pytest.raises(EOFError):
        reading.read_message()


def test_who_sends_asks_for_new_keys_in_time(wire):
    sending = writer(Forgetful, wire[0])
    sending.send_message(message(b"x" * 900))
    assert not sending.need_rekey()
    sending.send_message(message(b"x" * 900))
    assert sending.need_rekey()


def test_who_reads_asks_for_new_keys_when_nothing_comes(wire):
    sending, reading = writer(QuickPacketizer, wire[0]), reader(Forgetful, wire[1])
    for _ in range(2):
        sending.send_message(message(b"x" * 900))
        assert not reading.need_rekey()
        reading.read_message()
    with pytest.raises(NeedRekeyException):
        reading.read_message()


def test_who_never_changes_his_keys_is_left(wire):
    sending, reading = writer(QuickPacketizer, wire[0]), reader(Forgetful, wire[1])
    for _ in range(4):
        sending.send_message(message(b"x" * 900))
    for _ in range(3):
        reading.read_message()
    with pytest.raises(SSHException, match="does not change its keys"):
        reading.read_message()


def test_new_keys_are_not_begun_with_in_the_middle_of_a_packet(wire):
    ours, theirs = wire
    writer(QuickPacketizer, ours).send_message(message(b"x" * 50))
    packet = theirs.recv(1000)
    reading = reader(QuickPacketizer, theirs)
    reading._trigger_rekey()
    ours.sendall(packet[:4])
    later = threading.Timer(0.4, ours.sendall, [packet[4:]])
    later.start()
    kind, arrived = reading.read_message()
    later.join()
    assert (kind, arrived.asbytes()) == (ord("x"), b"x" * 49)


def test_who_was_asked_by_the_sender_has_as_long_to_change_his_keys(wire):
    sending, both = writer(QuickPacketizer, wire[0]), reader(Forgetful, wire[1])
    both.set_outbound_cipher(
        block_engine=AESGCM(KEY), block_size=16, mac_engine=None, mac_size=16, mac_key=None,
        aead=True, iv_out=START,
    )  # fmt: skip
    for size in (900, 10, 600, 600):
        sending.send_message(message(b"x" * size))
    both.read_message()
    both.send_message(message(b"x" * 1100))
    assert both.need_rekey()
    both.read_message()
    both.read_message()
    with pytest.raises(SSHException, match="does not change its keys"):
        both.read_message()


def test_a_cipher_that_is_not_aes_gcm_is_left_to_paramiko(wire):
    """A later paramiko may have others that hash along, whose packets look different."""
    packetizer = QuickPacketizer(wire[0])
    chacha = ChaCha20Poly1305(bytes(32))
    more = {"block_size": 8, "mac_engine": None, "mac_size": 16, "mac_key": None, "aead": True}
    packetizer.set_outbound_cipher(block_engine=chacha, iv_out=START, **more)
    packetizer.set_inbound_cipher(block_engine=chacha, iv_in=START, **more)
    assert packetizer._out is None
    assert packetizer._in is None


class NoSocket:
    """Sends and receives like one, and no more, as a channel through a jump host does."""

    def __init__(self, end):
        self.send, self.recv, self.close = end.send, end.recv, end.close


@pytest.mark.parametrize("kind", [lambda end: end, NoSocket])
def test_more_than_the_other_side_takes_at_once(wire, kind):
    ours, theirs = wire
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    ours.settimeout(0.001)
    pieces = [os.urandom(30_000) for _ in range(40)]
    sending = threading.Thread(
        target=writer(QuickPacketizer, kind(ours)).send_message,
        args=(ChannelData(7, [memoryview(piece) for piece in pieces]),),
    )
    sending.start()
    read = reader(QuickPacketizer, theirs)
    arrived = [read.read_message()[1] for _ in pieces]
    sending.join()
    assert [(packet.get_int(), packet.get_binary()) for packet in arrived] == [
        (7, piece) for piece in pieces
    ]
