from lpse_ops.agent.facts.mounts import Mount, mark_bound, parse_bound, parse_mounts


def test_mounts():
    lines = [
        "/dev/sdz / ext4 ro 0 0",
        "/dev/sda1 / ext4 rw,relatime 0 1",
        "proc /proc proc rw 0 0",
        "server:/srv /mnt/with\\040space nfs4 rw 0 0",
        "//nas/share /mnt/nas cifs rw 0 0",
        "broken line",
    ]
    assert parse_mounts(lines) == [
        Mount("/dev/sda1", "/", "ext4", "rw,relatime", 0, 1),
        Mount("server:/srv", "/mnt/with space", "nfs4", "rw", 0, 0),
        Mount("//nas/share", "/mnt/nas", "cifs", "rw", 0, 0),
    ]


def test_bind_mounts():
    lines = [
        "22 1 254:0 / / rw - ext4 /dev/vda rw",
        "23 22 254:0 /srv/a\\040b /mnt/a\\040b rw - ext4 /dev/vda rw",
    ]
    bound = parse_bound(lines)
    assert bound == {"/mnt/a b"}
    mount = Mount("/dev/vda", "/mnt/a b", "ext4", "rw", 0, 0)
    assert mark_bound(mount, bound).options == "rw,bind"
    assert mark_bound(mount._replace(mount="/"), bound).options == "rw"
    assert mark_bound(mount._replace(options="rw,bind"), bound).options == "rw,bind"
