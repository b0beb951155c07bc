#!/usr/bin/env python3
"""An independent replay of recorded GPU memory, compared with `tts-render window simulate` and `calibrate`.

It was written after docs/simulate.md and docs/gate.md, and shares no code with the program. Random
histories and settings come from seeds, so that a difference can be looked at again.

    replay_history.py replay PROGRAM PROJECT [RUNS] [FIRST_SEED]      window simulate, figure by figure
    replay_history.py comparisons PROGRAM PROJECT [RUNS] [FIRST_SEED] each comparison of the decision, flipped
    replay_history.py floors PROGRAM PROJECT [RUNS] [FIRST_SEED]      window calibrate, the floor by brute force
    replay_history.py statistics PROGRAM PROJECT [RUNS] [FIRST_SEED]  window calibrate, figures by NumPy
    replay_history.py coverage PROGRAM PROJECT [DRAWS]                the promise about the next night
    replay_history.py warnings PROGRAM PROJECT [RUNS]                 planted weaknesses, and none
"""

import ast
import datetime
import inspect
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile
import zoneinfo

MIB = 1 << 20
GRACE = 30


def run(program, project, *arguments):
    command = [program, "-C", project, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


# ---------------------------------------------------------------- histories


def answer(series):
    result = [{"metric": labels, "values": [[at, str(value)] for at, value in samples]}
              for labels, samples in series if samples]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


class History:
    """Series of (labels, [(time, bytes)]), with readings as the documentation defines them."""

    def __init__(self, series, step):
        self.series, self.step = [(labels, samples) for labels, samples in series if samples], step
        times = [at for _, samples in self.series for at, _ in samples]
        self.first, self.last = min(times), max(times)
        self.times = sorted(set(times))

    def usage(self, at):
        """(others, unknown), or None without a reading."""
        others = unknown = found = 0
        for labels, samples in self.series:
            value = None
            for time, amount in samples:
                if time > at:
                    break
                value = (time, amount)
            if value is None or at - value[0] > 2 * self.step:
                continue
            found += 1
            namespace = labels.get("namespace")
            if namespace == "unknown":
                unknown += value[1]
            elif namespace != "tts":
                others += value[1]
        return (others, unknown) if found else None

    def changes(self, start, end):
        """Every moment: a sample, and the end of its age if its series has no newer one."""
        found = {start, end}
        for _, samples in self.series:
            for index, (time, _) in enumerate(samples):
                old = time + 2 * self.step + 0.001
                found.add(time)
                if index + 1 == len(samples) or samples[index + 1][0] > old:
                    found.add(old)
        return sorted(at for at in found if start <= at <= end)

    def peak(self):
        most = 0
        own = [samples for labels, samples in self.series if labels.get("namespace") == "tts"]
        for at in sorted({time for samples in own for time, _ in samples}):
            total = 0
            for samples in own:
                before = [(time, amount) for time, amount in samples if time <= at]
                if before and at - before[-1][0] <= 2 * self.step:
                    total += before[-1][1]
            most = max(most, total)
        return most


def random_history(rng, nights, zone, first_day, step, unknown=True):
    series = []
    names = ["immich", "frigate", "llama", None][: rng.randint(1, 4)]
    if unknown and rng.random() < 0.4:
        names.append("unknown")
    spans = []
    for night in range(nights):
        day = first_day + datetime.timedelta(days=night)
        start = datetime.datetime(day.year, day.month, day.day, 1, 30, tzinfo=zone)
        length = rng.choice([5, 5, 5, 3.2]) * 3600
        spans.append((int(start.timestamp()) // step * step, int(length)))
    for name in names:
        samples, level = [], rng.randint(100, 4000)
        hole_rate = rng.choice([0, 0, 0.01])
        for start, length in spans:
            hole = 0
            for at in range(start, start + length + 1, step):
                if rng.random() < 0.03:
                    level = rng.randint(0, 6500) if name != "unknown" else rng.choice([0, 0, 3000, 5000])
                level = max(0, level + rng.randint(-30, 30))
                if rng.random() < hole_rate:
                    hole = rng.randint(1, 30)
                hole -= 1
                if hole < 0:
                    samples.append((at, level * MIB + rng.choice([0, 0, rng.randrange(MIB)])))
        labels = {"__name__": "gpu_pod_memory_used_bytes"} if rng.random() < 0.8 else {}
        if name:
            labels["namespace"] = name
        labels["container"] = "c"
        series.append((labels, samples))
    if rng.random() < 0.5:
        samples = []
        for start, _ in spans:
            low = rng.randint(2000, 4000)
            samples += [(start + 1800 + i * step, (low + i) * MIB) for i in range(rng.randint(3, 40))]
        series.append(({"namespace": "tts"}, samples))
    return History(series, step)


# ---------------------------------------------------------------- the gate


class Gate:
    def __init__(self, **settings):
        self.__dict__.update(settings)

    def up(self, usage, tenant):
        if usage is None:
            return False
        return self.total - sum(usage) - tenant >= self.floor

    def guard(self, usage, tenant):
        """(yields, reason, look again)"""
        if usage is None:
            return self.failure == "yield", "no-reading", False
        others, unknown = usage
        everyone = others + unknown + tenant
        counted = everyone if self.count == "everyone" else others + unknown
        if self.total - counted < self.floor:
            again = (self.count == "residents" and self.total - others >= self.floor
                     and self.total - everyone >= self.reserve
                     and not (self.budget is not None and tenant + unknown > self.budget))
            return True, "floor-broken", again
        if self.total - everyone < self.reserve:
            return True, "reserve-broken", False
        if self.budget is not None and tenant > self.budget:
            return True, "budget-broken", False
        return False, None, False


def cron(text, zone, start, end):
    """Runs in [start, end) of `M H * * *` with lists, ranges and steps."""
    def field(part, low, high):
        values = set()
        for item in part.split(","):
            span, _, step = item.partition("/")
            first, last = (low, high) if span == "*" else map(int, (span.split("-") * 2)[:2])
            values.update(range(first, last + 1, int(step or 1)))
        return values
    minutes, hours = (field(part, 0, high) for part, high in zip(text.split()[:2], (59, 23)))
    low = 0
    at = math.ceil(start / 60) * 60
    runs = []
    while at < end:
        local = datetime.datetime.fromtimestamp(at, zone)
        if local.minute in minutes and local.hour in hours:
            runs.append(at)
        at += 60
    return runs


def windows(gate, history):
    """The nights: (start, end), the runs of up, those of guard."""
    age = 2 * history.step
    low, high = history.first - age, history.last + age
    ups = cron(gate.up_at, gate.zone, low - 86400, high)
    found, closes = [], 0
    for opens in ups:
        if opens < closes:
            continue
        closes = cron(gate.down_at, gate.zone, opens, opens + 2 * 86400)[0]
        if closes == opens:
            continue
        if opens >= low and closes <= high and any(opens <= at < closes for at in history.times):
            found.append((opens, closes, cron(gate.up_at, gate.zone, opens, closes),
                          cron(gate.guard_at, gate.zone, opens, closes)))
    return found


class Memory:
    def __init__(self, start, end, rise):
        self.start, self.end, self.rise = start, end, rise

    def at(self, elapsed):
        if elapsed >= self.rise:
            return self.end
        ms, rise = round(elapsed * 1000), self.rise * 1000
        return self.start + -((self.start - self.end) * ms // rise)


def night_outcome(gate, history, memory, window):
    opens, closes, ups, guards = window
    runs = []  # [start, stop, reason]

    def tenant(at, until=None):
        until = at if until is None else until
        return sum(memory.at(until - start) for start, stop, _ in runs if start <= at < stop + GRACE)

    events = sorted([(at, 0) for at in ups] + [(at, 1) for at in guards])
    for index, (at, kind) in enumerate(events):
        if kind == 0:
            if runs and runs[-1][1] > at:
                continue
            looks = [at + gate.interval * n for n in range(gate.samples)]
            if all(look < closes and gate.up(history.usage(look), tenant(look)) for look in looks):
                runs.append([looks[-1], closes, None])
            continue
        if not (runs and runs[-1][0] <= at < runs[-1][1]):
            continue
        decided = at
        yields, reason, again = gate.guard(history.usage(at), tenant(at))
        if again and gate.recheck:
            later = [other for other, k in events[index + 1:] if k == 1]
            decided = min([at + gate.recheck, closes] + later[:1])
            yields, reason, _ = gate.guard(history.usage(decided), tenant(decided))
        if yields and decided < closes:
            runs[-1][1:] = [decided, reason]
    starved, closest = 0, None
    if runs:
        bounds = set(history.changes(opens, closes + GRACE))
        bounds |= {at for start, stop, _ in runs for at in (start, stop + GRACE)}
        bounds = sorted(bounds)
        for start, end in zip(bounds, bounds[1:]):
            if not any(first <= start < stop + GRACE for first, stop, _ in runs):
                continue
            usage = history.usage(start)
            if usage is None:
                continue
            # Within a span without a change the tenant counts with its amount at the end.
            ends = [at for at in bounds if at > start]
            free = gate.total - sum(usage) - tenant(start, ends[0])
            closest = free if closest is None else min(closest, free)
            if free < 0:
                starved += end - start
    return runs, starved, closest


def figures(gate, history, memory):
    nights = [night_outcome(gate, history, memory, window) for window in windows(gate, history)]
    runs = [run for night, _, _ in nights for run in night]
    closest = [low for _, _, low in nights if low is not None]
    return {
        "nights": len(nights),
        "nightsServed": sum(bool(night) for night, _, _ in nights),
        "starts": len(runs),
        "yields": sum(reason is not None for _, _, reason in runs),
        "reasons": sorted(reason for _, _, reason in runs if reason),
        "hours": sum(stop - start for start, stop, _ in runs) / 3600,
        "starvedNights": sum(starved > 0 for _, starved, _ in nights),
        "starvedMinutes": sum(starved for _, starved, _ in nights) / 60,
        "closestBytes": min(closest) if closest else None,
    }


def random_gate(rng, **fixed):
    total = rng.choice([12288, 15360, 16384]) * MIB
    settings = dict(
        total=total,
        floor=rng.randint(0, total // MIB) * MIB + rng.choice([0, 1, 7]) * 1024,
        reserve=rng.choice([0, 256, 512, 2048]) * MIB,
        budget=rng.choice([None, rng.randint(1, 8000) * MIB]),
        count=rng.choice(["residents", "residents", "everyone"]),
        failure=rng.choice(["yield", "yield", "keep"]),
        samples=rng.choice([1, 2, 3]),
        interval=rng.choice([5, 10, 20]),
        recheck=rng.choice([0, 75]),
        up_at=rng.choice(["0 2 * * *", "0 2 * * *", "30 2 * * *", "*/30 2-4 * * *", "*/10 2-5 * * *"]),
        guard_at=rng.choice(["*/5 2-5 * * *", "*/5 2-5 * * *", "* 2-5 * * *", "*/15 2-5 * * *"]),
        down_at=rng.choice(["0 6 * * *", "0 5 * * *", "0 6-22/2,0 * * *"]),
        zone_name=rng.choice(["Europe/London", "Etc/UTC", "Asia/Kolkata"]),
    )
    settings.update(fixed)
    gate = Gate(**settings)
    gate.floor = min(gate.floor, gate.total)
    gate.zone = zoneinfo.ZoneInfo(gate.zone_name)
    return gate


def sets(gate):
    values = {
        "gpu.total": gate.total, "gate.floor": gate.floor, "gate.reserve": gate.reserve,
        "gate.budget": "null" if gate.budget is None else gate.budget, "gate.count": gate.count,
        "gate.onScrapeFailure": gate.failure, "gate.samples": gate.samples,
        "gate.sampleIntervalSeconds": gate.interval, "gate.recheckDelaySeconds": gate.recheck,
        "offPeak.up": gate.up_at, "offPeak.guard": gate.guard_at, "offPeak.down": gate.down_at,
        "offPeak.timeZone": gate.zone_name,
    }
    return [word for path, value in values.items() for word in ("--set", f"{path}={value}")]


def random_case(seed, unknown=True, **fixed):
    rng = random.Random(seed)
    gate = random_gate(rng, **fixed)
    first = datetime.date(2026, rng.choice([2, 6, 11]), rng.randint(1, 15))
    history = random_history(rng, rng.randint(1, 4), gate.zone, first, rng.choice([15, 30, 60, 57]), unknown)
    peak = history.peak()
    choice = rng.choice(["recorded", "constant", "constant", "rise"])
    if choice == "recorded" and peak:
        return gate, history, Memory(peak, peak, 0), []
    amount = rng.randint(1, 9000) * MIB
    if choice == "rise":
        start, rise = rng.randint(0, amount), rng.choice([90, 3600])
        return gate, history, Memory(start, amount, rise), ["--tenant", f"{start}..{amount}", "--rise", f"{rise}s"]
    return gate, history, Memory(amount, amount, 0), ["--tenant", str(amount)]


def replay(program, project, runs=40, first_seed=0):
    seeds = range(first_seed, first_seed + runs)
    return compare_figures(program, project, ((seed, random_case(seed)) for seed in seeds))


def compare_figures(program, project, cases):
    """Compares the program's figures of each case with those of this replay."""
    runs = differences = starved = yields = 0
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "history.json")
        for seed, (gate, history, memory, words) in cases:
            runs += 1
            file.write_text(json.dumps(answer(history.series)))
            code, out, err = run(program, project, "window", "simulate", "tts", "--history", str(file),
                                 "--format", "json", *words, *sets(gate))
            if code != 0:
                sys.exit(f"seed {seed}: exit {code}: {err}")
            found = json.loads(out)["settings"][0]
            found["reasons"] = sorted(r for r, n in found["yieldReasons"].items() for _ in range(n))
            expected = figures(gate, history, memory)
            starved, yields = starved + expected["starvedNights"], yields + expected["yields"]
            for key, value in expected.items():
                is_equal = math.isclose(found[key], value, abs_tol=1e-6) if isinstance(value, float) else found[key] == value
                if not is_equal:
                    differences += 1
                    print(f"seed {seed}: {key}: {found[key]}, expected {value}")
    print(f"{runs} histories: {differences} differences ({starved} starved nights, {yields} yields)")
    return differences == 0 and starved > 0 and yields > 0


def whole_case(seed):
    """A night of whole gibibytes, so that amounts are often exactly equal to the settings."""
    rng = random.Random(seed)
    gib, step, most = 1 << 30, 600, rng.randint(6, 14)
    gate = random_gate(
        rng, total=15 * gib, floor=rng.randint(2, 9) * gib, reserve=rng.randint(0, 4) * gib,
        budget=rng.choice([None, rng.randint(2, 8) * gib]), samples=1, recheck=75, zone_name="Etc/UTC",
        up_at="*/30 2-5 * * *", guard_at="*/10 2-5 * * *", down_at="0 6 * * *")
    start = int(datetime.datetime(2026, 11, 2, 2, tzinfo=datetime.timezone.utc).timestamp())
    times = range(start, start + 14401, step)
    hole = rng.randint(2, 23)
    series = [
        ({"namespace": name}, [(at, rng.randint(0, limit) * gib) for index, at in enumerate(times)
                               if not hole <= index < hole + 4])
        for name, limit in (("a", most), ("unknown", 3))]
    peak = rng.randint(1, 6) * gib
    return gate, History(series, step), Memory(peak, peak, 0), ["--tenant", str(peak)]


def flipped_gates():
    """The gate with one comparison flipped: negated, or with its bound on the other side."""
    flips = {ast.Lt: (ast.GtE, ast.LtE), ast.GtE: (ast.Lt, ast.Gt), ast.Gt: (ast.LtE, ast.GtE),
             ast.Eq: (ast.NotEq,)}
    source = inspect.getsource(Gate)

    def comparisons(tree):
        return [node for node in ast.walk(tree) if isinstance(node, ast.Compare) and type(node.ops[0]) in flips]

    for index, original in enumerate(comparisons(ast.parse(source))):
        for flip in flips[type(original.ops[0])]:
            tree = ast.parse(source)
            flipped = comparisons(tree)[index]
            flipped.ops = [flip()]
            names = {}
            exec(compile(ast.fix_missing_locations(tree), "flipped", "exec"), names)
            yield f"{ast.unparse(original)} as {ast.unparse(flipped)}", names["Gate"]


def comparisons(program, project, runs=14, first_seed=245):
    """The program agrees with this gate, and with none that has a comparison flipped. The seeds are some for
    which each flip changes a figure; few amounts are equal to the sum of two others."""
    cases = [(seed, whole_case(seed)) for seed in range(first_seed, first_seed + runs)]
    agrees = compare_figures(program, project, cases)
    flips = list(flipped_gates())
    unseen = [
        name for name, flipped in flips
        if all(figures(flipped(**gate.__dict__), history, memory) == figures(gate, history, memory)
               for _, (gate, history, memory, _) in cases)]
    for name in unseen:
        print(f"no figure changes with {name}")
    print(f"{len(flips)} flipped comparisons: {len(unseen)} change no figure")
    return agrees and not unseen and len(flips) > 0


# ---------------------------------------------------------------- calibrate


def calibrate(program, project, history, gate, words, file):
    file.write_text(json.dumps(answer(history.series)))
    return run(program, project, "window", "calibrate", "tts", "--history", str(file), "--format", "json",
               *words, *sets(gate))


def floors(program, project, runs=20, first_seed=0):
    """The floor by brute force: every floor that any reading could be compared with, and its neighbours."""
    faults = above_zero = none = 0
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "history.json")
        for seed in range(first_seed, first_seed + runs):
            # A coarse step and few runs, so that every floor can be tried.
            gate, history, memory, _ = random_case(
                seed, up_at="0 2 * * *", guard_at="*/30 2-5 * * *", down_at="0 6 * * *", budget=None,
                zone_name="Etc/UTC", recheck=75)
            peak = memory.end
            memory = Memory(peak, peak, 0)
            nights = windows(gate, history)
            if not nights:
                continue
            code, out, err = calibrate(program, project, history, gate, ["--tenant", str(peak)], file)
            if code != 0:
                sys.exit(f"seed {seed}: exit {code}: {err}")
            found = json.loads(out)
            proposal = found["proposal"]
            written = {value["path"]: value["new"] for value in proposal["values"]} if proposal else {}
            simple = found["floorSimple"]
            gate.budget = -(-peak // MIB) * MIB
            gate.total = gate.total // MIB * MIB
            exact = found["floorExact"]
            floor = -(-max(exact or 0, simple) // MIB) * MIB
            gate.reserve = min(gate.reserve, max(floor - gate.budget, 0))
            # Lower reserves were measured again; the last one counts.
            starves = lambda floor: any(
                night_outcome(Gate(**{**gate.__dict__, "floor": floor}), history, memory, window)[1] > 0
                for window in nights)
            candidates = {0, gate.total - 1}
            for opens, closes, ups, guards in nights:
                looks = [at + gate.interval * n for at in ups for n in range(gate.samples)]
                looks += guards + [at + gate.recheck for at in guards] + [closes]
                for at in looks:
                    usage = history.usage(at)
                    for used in ([sum(usage), usage[0], sum(usage) + peak, sum(usage) + 2 * peak] if usage else []):
                        candidates |= {gate.total - used, gate.total - used + 1}
            candidates = sorted(floor for floor in candidates if 0 <= floor < gate.total)
            bad = [floor for floor in candidates if starves(floor)]
            expected = 0 if not bad else None if bad[-1] == candidates[-1] else bad[-1] + 1
            if exact != expected:
                faults += 1
                print(f"seed {seed}: floorExact {exact}, expected {expected}")
            above_zero += bool(exact)
            none += exact is None
            if proposal and proposal["outcome"]["starvedNights"]:
                faults += 1
                print(f"seed {seed}: the proposal starves somebody")
            if proposal:
                gate.floor = written.get("gate.floor", gate.floor)
                if starves(gate.floor):
                    faults += 1
                    print(f"seed {seed}: {gate.floor} starves somebody")
    print(f"{runs} histories: {faults} faults ({above_zero} floors above 0, {none} without a floor)")
    return faults == 0 and above_zero > 0


def statistics(program, project, runs=20, first_seed=0):
    import numpy
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "history.json")
        for seed in range(first_seed, first_seed + runs):
            rng = numpy.random.default_rng(seed)
            step, nights = 60, int(rng.integers(2, 9))
            start = int(datetime.datetime(2026, 11, 2, 2, tzinfo=datetime.timezone.utc).timestamp())
            times = numpy.concatenate([start + 86400 * night + numpy.arange(0, 14401, step) for night in range(nights)])
            residents = rng.integers(0, 3000, size=(3, times.size)).cumsum(axis=1) % 4000 * MIB
            tenant = rng.integers(1, 4000, size=times.size) * MIB
            series = [({"namespace": name}, list(zip(times.tolist(), values.tolist())))
                      for name, values in zip(["a", "b", "c", "tts"], [*residents, tenant])]
            gate = random_gate(random.Random(seed), zone_name="Etc/UTC", up_at="0 2 * * *", down_at="0 6 * * *",
                               guard_at="*/5 2-5 * * *", total=16384 * MIB)
            code, out, err = calibrate(program, project, History(series, step), gate, [], file)
            if code != 0:
                sys.exit(f"seed {seed}: exit {code}: {err}")
            found = json.loads(out)
            others = residents.sum(axis=0).reshape(nights, -1)
            # 300 s between two looks, 60 s of a sample's age, 30 s to stop.
            within = 390 // step
            growth = max(int((night[lag:] - night[:-lag]).max()) for night in others for lag in range(1, within + 1))
            expected = {"nights": nights, "tenantPeak": int(tenant.max()), "growth": max(growth, 0),
                        "floorSimple": int(tenant.max()) + max(growth, 0), "total": 16384 * MIB,
                        "risk": 1 / (nights + 1), "blindSeconds": 390.0}
            for key, value in expected.items():
                if found[key] != value:
                    faults += 1
                    print(f"seed {seed}: {key}: {found[key]}, expected {value}")
    print(f"{runs} histories: {faults} differences")
    return faults == 0


def nights_history(levels, tenant=None, step=600, growths=None):
    """Nights with one resident: a level a night, and a growth in the middle of it."""
    series, own = [], []
    first = datetime.datetime(2026, 11, 2, 2, tzinfo=datetime.timezone.utc)
    for night, level in enumerate(levels):
        start = int((first + datetime.timedelta(days=night)).timestamp())
        for index, at in enumerate(range(start, start + 14401, step)):
            grown = growths[night] if growths is not None and index == 12 else 0
            series.append((at, int(level[index] if hasattr(level, "__len__") else level) + int(grown)))
            if tenant:
                own.append((at, int(tenant(night, index))))
    return History([({"namespace": "a"}, series), ({"namespace": "tts"}, own)], step)


def plain_gate():
    return random_gate(random.Random(0), zone_name="Etc/UTC", up_at="0 2 * * *", down_at="0 6 * * *", recheck=75,
                       guard_at="*/5 2-5 * * *", total=16384 * MIB, floor=6144 * MIB, reserve=512 * MIB, budget=None,
                       count="residents", failure="yield", samples=2, interval=20)


def coverage(program, project, draws=10000):
    """Of exchangeable nights, the next one exceeds all of n with a chance of 1/(n + 1): the program's figure
    of each night against that of the next. One calibration has many nights, which are drawn from."""
    import numpy
    rng = numpy.random.default_rng(7)
    gate, n, size = plain_gate(), 13, 390
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "history.json")
        growths = rng.lognormal(6.5, 0.8, size=size).clip(1, 9000) * MIB + rng.integers(0, MIB, size=size)
        history = nights_history([2000 * MIB] * size, growths=growths, step=900)
        code, out, err = calibrate(program, project, history, gate, ["--tenant", "4Gi"], file)
        if code != 0:
            sys.exit(err)
        per_night = numpy.array([night["growth"] for night in json.loads(out)["nightList"]], dtype=float)
        exceeded = 0
        for _ in range(draws):
            drawn = rng.choice(per_night, size=n + 1, replace=False)
            exceeded += drawn[-1] > drawn[:-1].max()
        small = nights_history([2000 * MIB] * n, growths=growths[:n], step=900)
        promised = json.loads(calibrate(program, project, small, gate, ["--tenant", "4Gi"], file)[1])["risk"]
    rate = exceeded / draws
    print(f"{draws} draws: exceeded in {100 * rate:.2f} %, promised {100 * promised:.2f} %")
    return abs(rate - promised) <= 0.005


def warnings(program, project, runs=20, first_seed=0):
    import numpy
    gate, counts = plain_gate(), {}
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "history.json")
        for seed in range(first_seed, first_seed + runs):
            rng = numpy.random.default_rng(seed)
            base = 3000 + rng.normal(0, 150, size=28)
            # 2 November 2026 is a Monday.
            weekend = numpy.array([night % 7 >= 5 for night in range(28)])
            noise = rng.normal(0, 20, size=(28, 25))
            steady = lambda night, index: (4000 + noise[night][index]) * MIB
            leak = lambda night, index: (4000 + noise[night][index] + 220 * (index // 3)) * MIB
            grown = rng.lognormal(5, 0.5, size=28) * MIB
            cases = {
                "clean": (base, steady),
                "trend": (base + numpy.arange(28) * 25, steady),
                "weekday": (base + weekend * 800, steady),
                "leak": (base, leak),
            }
            for name, (levels, tenant) in cases.items():
                history = nights_history(levels * MIB, tenant, growths=grown)
                code, out, err = calibrate(program, project, history, gate, [], file)
                if code != 0:
                    sys.exit(f"seed {seed}: {name}: {err}")
                found = {text.split(":")[0] for text in json.loads(out)["warnings"]}
                for word in ("trend", "weekday", "leak"):
                    counts[name, word] = counts.get((name, word), 0) + (word in found)
                counts[name, "any"] = counts.get((name, "any"), 0) + bool(found & {"trend", "weekday", "leak"})
    named = {word: counts[word, word] for word in ("trend", "weekday", "leak")}
    print(f"{runs} months: planted and named {named}; named without a cause {counts['clean', 'any']}")
    return all(count >= 0.95 * runs for count in named.values()) and counts["clean", "any"] <= max(1, 0.05 * runs)


if __name__ == "__main__":
    commands = {"replay": replay, "comparisons": comparisons, "floors": floors, "statistics": statistics, "coverage": coverage,
                "warnings": warnings}
    name, program, project, *numbers = sys.argv[1:]
    sys.exit(0 if commands[name](program, project, *map(int, numbers)) else 1)
