"""Answers in the shape of Slurm 23.02 and later (data_parser v0.0.4x), written by hand."""

import json


def number(value=None, infinite=False):
    return {"set": value is not None or infinite, "infinite": infinite, "number": value or 0}


def node(name="gpu001", **changes):
    record = {
        "name": name,
        "state": ["IDLE"],
        "alloc_cpus": 0,
        "reason": "",
        "reason_set_by_user": "",
        "comment": "",
        "reservation": "",
        "partitions": ["train"],
        "features": ["h100"],
        "boot_time": number(1795312075),
    }
    return record | changes


def job(job_id=1, **changes):
    record = {
        "job_id": job_id,
        "array_job_id": number(0),
        "array_task_id": number(),
        "job_state": ["RUNNING"],
        "name": "llm",
        "user_name": "ada",
        "comment": "",
        "nodes": "gpu001",
        "batch_flag": True,
        "requeue": True,
        "restart_cnt": 0,
        "time_limit": number(infinite=True),
    }
    return record | changes


def answer(root, *records, errors=(), **more):
    return json.dumps({root: list(records), "meta": {}, "errors": list(errors), "warnings": [], **more})
