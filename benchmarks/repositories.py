"""How long `platformkit scan --repo` takes on a large repository, first and again, and how much memory.

    python -m benchmarks.repositories --files 20000 --commits 5000

The peer is one run of kingfisher over the same history with its defaults: one of the tools that a scan calls, alone. The ratio
says what everything else costs. Times are those of whole processes; memory is the largest resident set of any of them.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_WORDS = ("order", "invoice", "tenant", "amount", "status", "customer", "line", "total", "refund", "address", "shipment", "payment", "cart")
GIT = shutil.which("git") or "git"
_KINDS = ((".py", 5), (".ts", 4), (".tsx", 2), (".md", 2), (".sql", 1), (".json", 1), (".yml", 1))


def source(path: str, generator: random.Random) -> str:
    """Text that looks like the kind of file that it is."""
    words = [generator.choice(_WORDS) for _ in range(60)]
    if path.endswith(".py"):
        lines = [
            f"def {a}_{b}(value: int) -> int:\n    return value * {n}\n"
            for n, (a, b) in enumerate(zip(words[::2], words[1::2], strict=True))
        ]
        return "\n\n".join(lines[:12])
    if path.endswith((".ts", ".tsx")):
        return "\n".join(f"export const {a}{n} = (x: number) => x * {n};" for n, a in enumerate(words[:30]))
    if path.endswith(".sql"):
        return "\n".join(f"select {a} from public.{b};" for a, b in zip(words[::2], words[1::2], strict=True))
    if path.endswith(".json"):
        return "{" + ", ".join(f'"{a}{n}": {n}' for n, a in enumerate(words[:20])) + "}"
    if path.endswith(".yml"):
        return "\n".join(f"{a}{n}: {n}" for n, a in enumerate(words[:20]))
    return "# " + " ".join(words[:4]) + "\n\n" + " ".join(words)


def stream(files: int, commits: int, seed: int) -> Iterator[str]:
    """Input of `git fast-import`: the files come in over the commits, and later ones edit earlier ones."""
    generator = random.Random(seed)  # noqa: S311 - text to be scanned, no secret
    endings = [ending for ending, weight in _KINDS for _ in range(weight)]
    paths = [f"packages/p{n % 200}/src/m{n // 2000}/f{n}{generator.choice(endings)}" for n in range(files)]
    each = max(1, files // commits)
    for number in range(commits):
        written = paths[number * each : (number + 1) * each] if number < commits - 1 else paths[number * each :]
        edited = [generator.choice(paths[: number * each])] if number else []
        yield f"commit refs/heads/main\ncommitter Sample Author <author@example.com> {1_700_000_000 + number * 3600} +0000\n"
        yield _data(f"Change {number}\n")
        for path in (*written, *edited):
            yield f"M 100644 inline {path}\n{_data(source(path, generator))}"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def build(folder: Path, files: int, commits: int, seed: int = 5) -> None:
    """A bare repository."""
    subprocess.run([GIT, "init", "--quiet", "--bare", "-b", "main", str(folder)], check=True)
    process = subprocess.Popen([GIT, "fast-import", "--quiet"], cwd=folder, stdin=subprocess.PIPE, text=True)
    if process.stdin is None:
        raise AssertionError("no pipe")
    for part in stream(files, commits, seed):
        process.stdin.write(part)
    process.stdin.close()
    if process.wait():
        raise SystemExit("git fast-import failed")


def timed(command: list[str], environment: dict[str, str], *, ok: tuple[int, ...]) -> float:
    """Seconds of a whole process. Ends the benchmark when it fails."""
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    if done.returncode not in ok:
        raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--commits", type=int, default=5_000)
    chosen = parser.parse_args()
    scripts = Path(sysconfig.get_path("scripts"))
    with tempfile.TemporaryDirectory(prefix="platformkit-repositories-") as place:
        repository = Path(place) / "large.git"
        build(repository, chosen.files, chosen.commits)
        environment = os.environ | {"PLATFORMKIT_HOME": str(Path(place) / "home"), "KF_RULE_CACHE_DIR": str(Path(place) / "kingfisher")}
        scan = [str(scripts / "platformkit"), "scan", "--repo", str(repository), "--format", "json", "--fail-on", "none"]
        first = timed(scan, environment, ok=(0,))
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        again = timed(scan, environment, ok=(0,))
        kingfisher = [
            str(scripts / "kingfisher"),
            "scan",
            str(repository),
            "--no-validate",
            "--no-update-check",
            "--redact",
            "--format",
            "jsonl",
        ]
        peer = timed(kingfisher, environment, ok=(0, 200))
    print(f"{chosen.files} files, {chosen.commits} commits")
    print(f"first scan         {first:7.2f} s   {memory:6.0f} MiB at most")
    print(f"unchanged, again   {again:7.2f} s")
    print(f"kingfisher alone   {peer:7.2f} s   first scan = {first / peer:.2f} x")


if __name__ == "__main__":
    main()
