"""The code of all timers of this app."""

import time

import azure.functions as func
from recorder import record


def main(timer: func.TimerRequest, context: func.Context) -> None:
    record(context.function_name, past_due=timer.past_due, status=timer.schedule_status)
    if context.function_name == "sleepy":
        time.sleep(1.5)
        record("slept")
