"""Check a ledger archive with Python 3.8 alone: python verify_archive.py FILE (exit 0: whole)."""

# mypy: ignore-errors
import hashlib
import json
import sys

FIELDS = "chain seq study stream version type at by role reason body_digest prev"


def frame(*parts):
    """Every part after its length, so that no two lists of parts give the same bytes."""
    raw = [p if isinstance(p, bytes) else str(p).encode() for p in parts]
    return b"".join(len(p).to_bytes(8, "big") + p for p in raw)


def sha256(*parts):
    """The digest of framed parts, in hex."""
    return hashlib.sha256(frame(*parts)).hexdigest()


def fault_of(entry, manifest, ends):
    """What is wrong with the next entry of a chain; the empty text if nothing is."""
    study, chain = manifest["study"], entry["chain"]
    this = f"entry {entry['seq']} of chain {chain}"
    before = ends.get(chain, (0, sha256("equipoise/genesis/1", study, manifest["realm"], chain)))
    ends[chain] = (entry["seq"], entry["digest"])
    if (entry["seq"] - 1, entry["prev"], entry["study"]) != (*before, study):
        return f"{this} does not follow the entry before it"
    if entry["digest"] != sha256("equipoise/entry/1", *(entry[name] for name in FIELDS.split())):
        return f"{this} is not as it was recorded"
    body, salt = entry["body"], bytes.fromhex(entry["salt"])
    is_kept = body is None or entry["body_digest"] == sha256("equipoise/body/1", salt, body)
    return "" if is_kept else f"{this} has another body than was recorded"


def verify(path):
    """The first fault of an archive in words; the empty text if there is none."""
    place, ends = "line 1", {}
    try:
        with open(path, "rb") as lines:  # noqa: PTH123
            manifest = json.loads(next(lines))
            if manifest["digest"] != sha256(json.dumps({**manifest, "digest": ""}, sort_keys=True)):
                return "line 1: the manifest is not as it was written"
            for number, line in enumerate(lines, 2):
                place = f"line {number}"
                if fault := fault_of(json.loads(line), manifest, ends):
                    return f"{place}: {fault}"
    except Exception as error:
        return f"{place}: cannot be read ({error!r})"
    heads = {chain: (head["seq"], head["digest"]) for chain, head in manifest["heads"].items()}
    wrong = [chain for chain in sorted({*heads, *ends}) if heads.get(chain) != ends.get(chain)]
    return f"chain {wrong[0]} does not end where the manifest says" if wrong else ""


if __name__ == "__main__":
    found = verify(*sys.argv[1:])
    sys.stdout.write((found or "whole: every entry is as it was recorded") + "\n")
    sys.exit(1 if found else 0)
