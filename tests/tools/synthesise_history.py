#!/usr/bin/env python3
"""Synthesises a month of a shared GPU's memory, as Prometheus answers a range query.

No GPU was measured: the numbers follow what operators report about such GPUs, and are the same at every
run.

    tests/tools/synthesise_history.py > tests/fixtures/diff/history-synthesised.json
    tests/tools/synthesise_history.py nights > tests/fixtures/window/month.json.gz

The first is coarse: every half hour, from midnight to 07:00. The second has the windows alone, every
minute, in the file format of `window fetch`. In it llama-swap loads a model on demand and unloads it when
idle, immich-ml grows with its jobs, frigate is steady with a camera that comes and goes, and the tenant
keeps every voice that it has spoken until it stops.
"""

import datetime
import gzip
import json
import random
import sys

NIGHTS, STEP, MIB = 30, 1800, 1 << 20
FIRST = datetime.datetime(2026, 10, 20, tzinfo=datetime.timezone.utc)
METRIC = "gpu_pod_memory_used_bytes"


def numbers(state=20261124):
    while True:
        state = (state * 1103515245 + 12345) % (1 << 31)
        yield state / (1 << 31)


def answer(result, note):
    return {"status": "success", "infos": [note], "data": {"resultType": "matrix", "result": result}}


def coarse():
    number = numbers()
    series = {("immich", "immich-ml"): [], ("frigate", "frigate"): [],
              ("llama", "llama-swap"): [], ("tts", "chatterbox-tts"): []}
    for night in range(NIGHTS):
        start = int((FIRST + datetime.timedelta(days=night)).timestamp())
        busy, burst = next(number), next(number)
        swap = 4350 if busy > 0.75 else 2600 if busy > 0.45 else 700
        ml = 4200 if busy > 0.85 else 2100 if busy > 0.3 else 1200
        burst_from = 2 + int(burst * 16) / 4 if burst > 0.75 else 99
        for half_hour in range(0, 15):
            time = start + half_hour * STEP
            hour = half_hour / 2
            jitter = int(next(number) * 200)
            series[("immich", "immich-ml")].append((time, ml + (5600 if hour >= burst_from else 0) + jitter))
            series[("frigate", "frigate")].append((time, 1900 + jitter // 4))
            series[("llama", "llama-swap")].append((time, swap + int(next(number) * 900)))
            if 2 <= hour < 6 and busy <= 0.85:
                series[("tts", "chatterbox-tts")].append((time, 3900 + jitter))
    result = [
        {"metric": {"__name__": METRIC, "namespace": namespace, "container": container},
         "values": [[time, str(mib * MIB)] for time, mib in values]}
        for (namespace, container), values in series.items()
    ]
    note = "synthesised, not recorded: tests/tools/synthesise_history.py made these 30 nights"
    return json.dumps(answer(result, note), separators=(",", ":")) + "\n"


# 02:00 to 06:00 in Europe/London; summer time ends on 25 October 2026.
def window(night):
    day = FIRST + datetime.timedelta(days=night)
    utc = 1 if day < datetime.datetime(2026, 10, 25, tzinfo=datetime.timezone.utc) else 2
    start = int(day.timestamp()) + utc * 3600
    return start, start + 4 * 3600


TOTAL = 15360


class Llama:
    """Loads a model at a request, and unloads it ten minutes after the last one."""

    def __init__(self, rng, busy):
        self.rng, self.rate, self.model, self.idle = rng, 0.03 if busy else 0.003, 0, 99

    def minute(self):
        if self.rng.random() < self.rate:
            self.model = self.model or self.rng.choice([2600, 4350])
            self.idle = 0
        self.idle += 1
        if self.idle > 10:
            self.model = 0
        # The context grows while the model answers.
        return 310 + self.model + (min(self.idle, 3) * 60 if self.model else 0)


class Immich:
    """Two models; a job in some nights adds a batch every few minutes, and it is freed at the end."""

    def __init__(self, rng):
        self.rng, self.base = rng, rng.choice([1180, 2050])
        self.start = rng.randrange(0, 200) if rng.random() < 0.5 else 999
        self.length, self.batch = rng.randrange(30, 90), rng.choice([180, 260, 420])

    def minute(self, minute):
        since = minute - self.start
        grown = min(since // 5 + 1, 8) * self.batch if 0 <= since < self.length else 0
        return self.base + grown + self.rng.randrange(0, 12)


def nights():
    rng = random.Random(20261124)
    names = [("immich", "immich-ml"), ("frigate", "frigate"), ("llama", "llama-swap"), ("tts", "chatterbox-tts")]
    series = {name: [] for name in names}
    windows = []
    for night in range(NIGHTS):
        start, end = window(night)
        windows.append({"start": stamp(start), "end": stamp(end)})
        llama, immich = Llama(rng, rng.random() < 0.35), Immich(rng)
        camera = rng.randrange(20, 220)
        tenant = voices = 0
        for minute in range(241):
            time = start + 60 * minute
            amounts = [immich.minute(minute), 1880 + (240 if camera <= minute < camera + 15 else 0)
                       + rng.randrange(0, 6), llama.minute()]
            others = sum(amounts)
            if minute == 1 and TOTAL - others >= 6144:
                tenant = 1
            if tenant and others > TOTAL - 6144 and minute % 5 == 0:
                tenant = 0
            spoken = 0
            if tenant:
                if minute > 4 and voices < 6 and rng.random() < 0.02:
                    voices += 1
                spoken = min(1350 * min(tenant, 3) + 220 * voices, TOTAL - others)
                tenant += 1
            else:
                voices = 0
            for name, amount in zip(names, amounts):
                series[name].append((time, amount))
            # A container without memory on the GPU has no series.
            if spoken:
                series[names[3]].append((time, spoken))
    result = [
        {"metric": {"__name__": METRIC, "container": container, "namespace": namespace},
         "values": [[time, str(mib * MIB)] for time, mib in values]}
        for (namespace, container), values in series.items()
    ]
    note = "synthetic, not recorded: tests/tools/synthesise_history.py made these 30 nights from a seed"
    header = {"version": 1, "metric": METRIC, "unit": "bytes", "step": 60,
              "source": "tests/tools/synthesise_history.py", "windows": windows}
    text = json.dumps({"history": header} | answer(result, note), separators=(",", ":")) + "\n"
    return gzip.compress(text.encode(), mtime=0)


def stamp(time):
    return datetime.datetime.fromtimestamp(time, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    if sys.argv[1:] == ["nights"]:
        sys.stdout.buffer.write(nights())
    else:
        sys.stdout.write(coarse())
