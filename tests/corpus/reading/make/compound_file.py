"""Writes compound files ([MS-CFB], version 3): a dictionary of streams (bytes) and storages (dictionaries)."""

import struct

SECTOR, MINI, CUTOFF = 512, 64, 4096
FREE, END, FAT_SECTOR, NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF


def key(name):
    return len(name.encode("utf-16-le")), name.upper()


def write(root):
    entries = [["Root Entry", 5, NONE, NONE, NONE, END, 0]]
    sectors, fat, mini, mini_fat = [], [], b"", []

    def chain(data):
        first = len(sectors)
        for at in range(0, len(data), SECTOR):
            sectors.append(data[at : at + SECTOR].ljust(SECTOR, b"\0"))
            fat.append(len(sectors))
        if not data:
            return END
        fat[-1] = END
        return first

    def add(children):
        nonlocal mini
        ids = []
        for name in sorted(children, key=key):
            value = children[name]
            number = len(entries)
            entries.append([name, 1, NONE, NONE, NONE, 0, 0])
            ids.append(number)
            if isinstance(value, dict):
                entries[number][4] = add(value)
                continue
            entries[number][1], entries[number][6] = 2, len(value)
            if len(value) >= CUTOFF:
                entries[number][5] = chain(value)
            elif not value:
                entries[number][5] = END
            else:
                entries[number][5] = len(mini_fat)
                count = -(-len(value) // MINI)
                mini_fat.extend(range(len(mini_fat) + 1, len(mini_fat) + count + 1))
                mini_fat[-1] = END
                mini += value.ljust(count * MINI, b"\0")

        def tree(part):
            if not part:
                return NONE
            middle = len(part) // 2
            entries[part[middle]][2] = tree(part[:middle])
            entries[part[middle]][3] = tree(part[middle + 1 :])
            return part[middle]

        return tree(ids)

    entries[0][4] = add(root)
    entries[0][5], entries[0][6] = chain(mini), len(mini)
    table = struct.pack(f"<{len(mini_fat)}I", *mini_fat)
    table = table.ljust(-(-len(table) // SECTOR) * SECTOR, b"\xff")
    first_mini_fat = chain(table)
    directory = b""
    for name, kind, left, right, child, start, length in entries:
        text = name.encode("utf-16-le") + b"\0\0"
        directory += struct.pack("<64sHBBIII", text, len(text), kind, 1, left, right, child)
        directory += bytes(36) + struct.pack("<IQ", start, length)
    directory = directory.ljust(-(-len(directory) // SECTOR) * SECTOR, b"\0")
    first_directory = chain(directory)
    fat_sectors = 1
    while (len(sectors) + fat_sectors) * 4 > fat_sectors * SECTOR:
        fat_sectors += 1
    assert fat_sectors <= 109
    first_fat = len(sectors)
    fat.extend([FAT_SECTOR] * fat_sectors)
    fat.extend([FREE] * (fat_sectors * SECTOR // 4 - len(fat)))
    header = struct.pack("<8s16sHHHHH6sIIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(16), 0x3E, 3, 0xFFFE, 9, 6, bytes(6),
                         0, fat_sectors, first_directory, 0, CUTOFF, first_mini_fat, len(table) // SECTOR, END, 0, first_fat)
    header += struct.pack(f"<{fat_sectors - 1}I", *range(first_fat + 1, first_fat + fat_sectors))
    return header.ljust(SECTOR, b"\xff") + b"".join(sectors) + struct.pack(f"<{len(fat)}I", *fat)
