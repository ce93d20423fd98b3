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
    return row[0] if row else sha256()
def ends(chains): return {c: [len(d) // 32 - 1, d[-32:].hex()] for c, d in chains.items()}
def check_entry(entry, told, chains, at):  # `chains` has digests of 32 bytes, the genesis first
    at[0] = f"entry {entry['seq']} of chain {entry['chain']} ({at[0]})"
    first = sha256("equipoise/genesis/1", told["study"], told["realm"], entry["chain"])
    known, body = chains.setdefault(entry["chain"], bytearray.fromhex(first)), entry["body"]
    place = (entry["seq"], entry["prev"])
    demand(place == (len(known) // 32, known[-32:].hex()), "does not follow the last")
    known += bytes.fromhex(entry["digest"])
    demand(entry["digest"] == sha256("equipoise/entry/1", *map(entry.get, FIELDS)), "was altered")
    if body is None: return [("gone", (entry["chain"], entry["seq"]))]
    salted = sha256("equipoise/body/1", bytes.fromhex(entry["salt"]), body)
    demand(salted == entry["body_digest"], "has another body than was recorded")
    return [(entry["type"], json.loads(body))] if entry["chain"] == "control" else []
def verify(at, against, archive):  # `at` tells where
    told, names = json.loads(archive.read("manifest.json")), sorted(archive.namelist())
    demand(names == sorted([*told["members"], "manifest.json"]), "has other members than it lists")
    chains, events, roots = {}, [], {"", sha256()}
    for at[0], line in ((f"line {n}", x) for n, x in enumerate(archive.open("entries.jsonl"), 1)):
        events += check_entry(json.loads(line), told, chains, at)
        if against not in roots: roots = {seal_of(ends(chains))}
    for at[0], digest in sorted(told["members"].items()):
        demand(hashlib.sha256(archive.read(at[0])).hexdigest() == digest, "is not what was written")
    def of(*kinds): return [body for kind, body in events if kind in kinds]
    lost = [x for x in of("gone") if x not in [(o["chain"], o["seq"]) for o in of("BodyRedacted")]]
    at[0], seals, again = "the archive", of("StudySealed"), of("LedgerRestored")
    demand(not lost, f"has lost a body, and none ordered it: {lost[:1]}")
    demand((ends(chains), seal_of(ends(chains))) == (told["heads"], told["seal"]), "lacks its end")
    demand(against in [*roots, *(s["root"] for s in seals)], f"never had the seal {against}")
    for at[0], heads, root in ((f"the seal {s['root']}", s["heads"], s["root"]) for s in seals):
        kept = [r["heads"] for r in again if r["heads"]["control"] >= heads["control"]]  # after it
        ours = {c: h for c, h in heads.items() if c in chains or not told["site"]}
        ours = {c: h for c, h in ours.items() if all(k.get(c, [0])[0] >= h[0] for k in kept)}
        found = {c: [n, chains.get(c, b"")[32 * n:32 * n + 32].hex()] for c, (n, _) in ours.items()}
        demand((ours, seal_of(heads)) == (found, root), "does not hold")
    studies = {body["digest"] for body in of("StudyOpened", "StudyAmended")}
    for at[0] in (folders := {n[:19] for n in names if n.startswith("study/")}):
        files = [(n[19:], archive.read(n)) for n in names if n[:19] == at[0]]
        text = b"equipoise/study/1\n" + b"".join(f"{n}\n{len(c)}\n".encode() + c for n, c in files)
        demand(hashlib.sha256(text).hexdigest() in studies, "is no study that the record names")
    print(f"{told['n_entries']} entries, each as it was recorded. Seal {told['seal']}")
    if studies: print(f"Study folders on record: {len(studies)}, in this archive: {len(folders)}.")
if __name__ == "__main__":
    words, at = [word for word in sys.argv if word != "--against"], ["the archive or entries.jsonl"]
    try: verify(at, words.pop() if words != sys.argv else "", zipfile.ZipFile(words[-1]))
    except Exception as error: sys.exit(f"{at[0]} {str(error) or repr(error)}")
