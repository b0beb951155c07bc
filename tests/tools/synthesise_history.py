#!/usr/bin/env python3
"""Synthesises a month of a shared GPU's memory, as Prometheus answers a range query.

No GPU was measured: the numbers follow what operators report about such GPUs (residents of 5 to 12
GiB at night, one that grows in the middle of some nights), and are the same at every run.

    tests/tools/synthesise_history.py > tests/fixtures/diff/history-synthesised.json
"""

import datetime
import json

NIGHTS, STEP, MIB = 30, 1800, 1 << 20
FIRST = datetime.datetime(2026, 10, 20, tzinfo=datetime.timezone.utc)


def numbers(state=20261124):
    while True:
        state = (state * 1103515245 + 12345) % (1 << 31)
        yield state / (1 << 31)


def main():
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
        {"metric": {"__name__": "gpu_pod_memory_used_bytes", "namespace": namespace, "container": container},
         "values": [[time, str(mib * MIB)] for time, mib in values]}
        for (namespace, container), values in series.items()
    ]
    print(json.dumps({
        "status": "success",
        "infos": ["synthesised, not recorded: tests/tools/synthesise_history.py made these 30 nights"],
        "data": {"resultType": "matrix", "result": result},
    }, separators=(",", ":")))


main()
