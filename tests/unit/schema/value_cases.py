"""Values of every kind, good ones and many that are none: the vectors of docs/spec/value.md."""

PASSPORT = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
)
CARD = (
    "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
)
OLD_CARD = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
LONG_CARD = (
    "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<"
)
LONG_OLD_CARD = "I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<\nD23145890<UTO3407127M95071227349<<<8"

GOOD: dict[str, list[str]] = {
    "text": ["x", "Xe 51, ghế 12", "one line\nand another", "ບັດ"],
    "name": ["Nguyễn Thị Ánh", "ທ້າວ ສົມພອນ ວົງສາ", "مریم", "क्षि", "O'Brien", "Suharto"],
    "romanised-name": ["NGUYEN", "NGUYEN THI ANH", "O'BRIEN", "ANNE-MARIE"],
    "initials": ["T.", "T.V.D.N.", "Đ.Á."],
    "date": ["2026-11-23", "2024-02-29", "2000-02-29", "1800-01-01", "2199-12-31"],
    "partial-date": ["1999", "1999-02", "1999-02-14", "2024-02-29"],
    "year": ["1999", "1800"],
    "country": ["VN", "LA", "ZZ"],
    "subdivision": ["VN-22", "LA-VT", "CN-YN", "GB-ENG", "TH-S"],
    "language": ["vi", "lo", "kjg", "zh-Hant", "zh-Hant-TW", "es-419", "sl-rozaj", "lso"],
    "script": ["Laoo", "Latn"],
    "locode": ["VNHAN", "LAVTE", "US2AB"],
    "office": ["VNSVC001", "LAHOP001"],
    "uuid": ["6a1f0c52-9f6e-4f57-8a53-0c6a35f7b101"],
    "token": ["QD-2026-0001", "ຄມ-2026-0001", "5f0c1e2d3b4a59687786a5b4c3d2e1f0", "a", "a/b_c.d"],
    "document-type": ["P", "PD", "ID"],
    "document-number": ["B1234567", "D23145890734", "0"],
    "national-number": ["001199000001", "01-234/5.6", "A1"],
    "mrz": [PASSPORT, CARD, OLD_CARD, LONG_CARD, LONG_OLD_CARD],
    "term": ["protection-and-assistance", "nrm", "VNNRM001"],
    "sha-256": ["ab" * 32],
    "code-list:exploitation": ["FORCED_LABOUR", "NOT_YET_HEARD_OF", "LA:PLANTATION_DEBT"],
}
BAD: dict[str, list[str]] = {
    "text": ["", " x", "x ", "\n", "x" * 1001],
    "name": ["", " ", "Nguyễn  Thị", " Nguyễn", "Nguyễn\nThị", "123", "-", "n" * 201],
    "romanised-name": ["", "Nguyen", "NGUYỄN", "NGUYEN<THI", "NGUYEN  THI", "-A", "A-", "A1"],
    "initials": ["", "TVDN", "t.v.", "T.V", "1.", "T..V.", "_."],
    "date": [
        "2026-02-29",
        "1900-02-29",
        "2026-04-31",
        "2026-13-01",
        "2026-00-10",
        "2026-01-00",
        "2026-1-1",
        "2026-11",
        "2569-11-23",
        "1799-12-31",
        "20261123",
        "23/11/2026",
        "2026-11-23T00:00:00Z",
        "٢٠٢٦-١١-٢٣",
        "2026-11-23\n",
    ],
    "partial-date": ["", "99", "1999-", "1999-2", "1999-13", "2023-02-29", "2542", "1999-02-14Z"],
    "year": ["", "99", "1999-02", "2542", "١٩٩٩", "-199"],
    "country": ["", "vn", "VNM", "V", "V1", "VN "],
    "subdivision": ["", "VN", "VN-", "vn-22", "VN-2222", "VN22", "VN-22-01", "LA-vt"],
    "language": ["", "VI", "viet", "vi_VN", "vi-vn", "zh-hant", "x-private", "en-u-ca-buddhist"],
    "script": ["", "laoo", "LAOO", "Lao", "Laoos"],
    "locode": ["", "VN HAN", "vnhan", "VNHA", "VNHA1", "VNHA0", "VNHANO"],
    "office": ["", "VNSVC01", "vnsvc001", "VNSVC0011", "1NSVC001"],
    "uuid": [
        "",
        "6A1F0C52-9F6E-4F57-8A53-0C6A35F7B101",
        "6a1f0c52-9f6e-1f57-8a53-0c6a35f7b101",
        "6a1f0c52-9f6e-4f57-0a53-0c6a35f7b101",
        "6a1f0c529f6e4f578a530c6a35f7b101",
        "{6a1f0c52-9f6e-4f57-8a53-0c6a35f7b101}",
    ],
    "token": ["", "-a", "a-", "a b", "a" * 65, "a:b", "a\nb"],
    "document-type": ["", "P<", "p", "PAS", "1"],
    "document-number": ["", "b1234567", "B 1234567", "B1234567<", "A" * 23],
    "national-number": ["", "-1", "1-", "001 199", "a1", "1" * 33],
    "mrz": [
        "",
        PASSPORT.replace("\n", ""),
        PASSPORT.replace("\n", "\r\n"),
        PASSPORT.lower(),
        PASSPORT[:-1],
        PASSPORT + "\n",
        PASSPORT.replace("L898902C3", "L898902C4"),
        PASSPORT.replace("7408122", "7408123"),
        PASSPORT.replace("1204159", "1204158"),
        PASSPORT.replace("<10", "<20"),
        PASSPORT.replace("<10", "<11"),
        PASSPORT.replace("P<UTO", "1<UTO"),
        PASSPORT.replace("P<UTO", "P<U1O"),
        PASSPORT.replace("ANNA", "ANN4"),
        PASSPORT.replace("ERIKSSON<<", "<<ERIKSSON"),
        CARD.replace("\n", "", 1),
        CARD.replace("D231458907", "D231458906"),
        CARD.replace("<6\n", "<7\n"),
        LONG_CARD.replace("7349", "7348"),
        LONG_CARD.replace("7349", "7359"),
        LONG_OLD_CARD.replace("7349", "7348"),
        OLD_CARD.replace("F1204", "Q1204"),
    ],
    "term": ["", "NRM", "-nrm", "nrm-", "two words", "a--b", "VNNRM01"],
    "sha-256": ["", "ab" * 31, "AB" * 32, "zz" * 32],
    "code-list:exploitation": [
        "",
        "forced-labour",
        "Forced labour",
        "la:DEBT",
        "LAO:DEBT",
        ":DEBT",
        "A" * 65,
    ],
}
GOOD_BYTES = {"jpeg": [b"\xff\xd8\xff\xe0....\xff\xd9"]}
BAD_BYTES = {"jpeg": [b"", b"\xff\xd8\xff\xe0....", b"\x89PNG\r\n\x1a\n....", b"....\xff\xd9"]}

# Codes of a good form that an office cannot send, because they are on no list of today.
UNLISTED = {
    "country": ["ZZ", "UK"],
    "subdivision": ["VN-99", "LA-ZZ", "ZZ-01"],
    "language": ["qq", "vie", "qqq-Latn"],
    "script": ["Zzzz", "Abcd"],
    "locode": ["ZZHAN"],
    "code-list:exploitation": ["NOT_YET_HEARD_OF", "ZZ:DEBT"],
}
