"""Verify a ledger archive with Python 3.8 alone: python3 ARCHIVE [--against SEAL]."""
import hashlib, json, sys, zipfile
FIELDS = "chain seq study stream version type at by role reason body_digest prev".split()
def demand(is_so, fault):
    if not is_so: raise ValueError(fault)
def sha256(*parts, mark=b""):
    raw = [p if isinstance(p, bytes) else str(p).encode() for p in parts]
    return hashlib.sha256(mark + b"".join(len(p).to_bytes(8, "big") + p for p in raw)).hexdigest()
def seal_of(heads):
    row = [sha256("equipoise/head/1", c, *heads[c], mark=b"\0") for c in sorted(heads)]
    while len(row) > 1:
        pairs = [bytes.fromhex(row[i] + row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = [hashlib.sha256(b"\1" + p).hexdigest() for p in pairs] + row[2 * len(pairs):]
    return row[0] if row else hashlib.sha256().hexdigest()
def check_entry(entry, told, chains):
    known, body, salt = chains.setdefault(entry["chain"], bytearray()), entry["body"], entry["salt"]
    first = sha256("equipoise/genesis/1", told["study"], told["realm"], entry["chain"])
    before = (len(known) // 32, known[-32:].hex() or first, told["study"])
    known += bytes.fromhex(entry["digest"])
    demand((entry["seq"] - 1, entry["prev"], entry["study"]) == before, "does not follow the last")
    demand(entry["digest"] == sha256("equipoise/entry/1", *map(entry.get, FIELDS)), "was altered")
    salted = body is None or sha256("equipoise/body/1", bytes.fromhex(salt), body)
    demand(salted in (True, entry["body_digest"]), "has another body than was recorded")
    if body is None: return [("gone", entry)]
    return [(entry["type"], json.loads(body))] if entry["chain"] == "control" else []
def verify(archive, at, against=""):  # `at` tells where; `chains` has their digests, 32 bytes each
    told, chains, events = json.loads(archive.read("manifest.json")), {}, []
    names = sorted([*told["members"], "manifest.json"])
    demand(sorted(archive.namelist()) == names, "has other members than its manifest lists")
    for name, digest in sorted(told["members"].items()):
        read, at[0] = hashlib.sha256(), name
        for number, line in enumerate(archive.open(name), 1):
            read.update(line)
            if name == "entries.jsonl":
                at[0] = f"{name}, line {number}"
                entry = json.loads(line)
                at[0] = f"entry {entry['seq']} of chain {entry['chain']} (line {number})"
                events += check_entry(entry, told, chains)
        demand(read.hexdigest() == digest, f"or later: {name} is not as it was written")
    at[0], ends = "the archive", {c: [len(d) // 32, d[-32:].hex()] for c, d in chains.items()}
    demand((ends, seal_of(ends)) == (told["heads"], told["seal"]), "does not end as it should")
    for entry in [body for kind, body in events if kind == "gone"]:
        at[0] = f"entry {entry['seq']} of chain {entry['chain']}"
        orders = [(o["chain"], o["seq"]) for kind, o in events if kind == "BodyRedacted"]
        demand((entry["chain"], entry["seq"]) in orders, "has lost its body, and none ordered it")
    seals = [body for kind, body in events if kind == "StudySealed"]
    for seal in seals:
        at[0], heads = f"the seal {seal['root']}", seal["heads"]
        ours = {c: h for c, h in heads.items() if c in chains or not told["site"]}
        found = {c: [n, chains.get(c, b"")[32 * n - 32:32 * n].hex()] for c, (n, _) in ours.items()}
        demand((ours, seal_of(heads)) == (found, seal["root"]), "does not hold")
    at[0], roots = f"the seal {against}", [told["seal"], *[seal["root"] for seal in seals]]
    demand(not against or against in roots, "is not of this archive")
    return f"{told['n_entries']} entries, each as it was recorded. Seal {told['seal']}"
if __name__ == "__main__":
    words, at = [word for word in sys.argv if word != "--against"], ["the archive"]
    against = words.pop() if "--against" in sys.argv else ""
    try: print(verify(zipfile.ZipFile(words[-1]), at, against))
    except Exception as error: sys.exit(f"{at[0]} {str(error) or repr(error)}")
