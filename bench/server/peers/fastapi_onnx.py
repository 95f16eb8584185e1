"""FastAPI and onnxruntime, as a careful team writes it: uploads and v2 tensors, inference on a pool of threads.

env: WORKERS (simultaneous runs), ORT_THREADS (threads of each); BATCH above 1: up to so many requests in a run,
waiting 5 ms for them.
"""
import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import common
import numpy as np
from fastapi import FastAPI, File, Request, UploadFile

BATCH = int(os.environ.get("BATCH", "1"))
WAIT_S = 0.005
pool = ThreadPoolExecutor(int(os.environ.get("WORKERS", "1")))
model = common.Model()
waiting: asyncio.Queue = asyncio.Queue()


async def collect():
    loop = asyncio.get_running_loop()
    while True:
        batch = [await waiting.get()]
        until = loop.time() + WAIT_S
        while len(batch) < BATCH:
            try:
                batch.append(await asyncio.wait_for(waiting.get(), max(0, until - loop.time())))
            except asyncio.TimeoutError:
                break
        answers = await loop.run_in_executor(pool, model, np.stack([tensor for tensor, _ in batch]))
        for (_, answer), value in zip(batch, answers):
            if not answer.done():
                answer.set_result(value)


@asynccontextmanager
async def lifespan(_app):
    task = asyncio.create_task(collect())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


async def infer(tensor):
    loop = asyncio.get_running_loop()
    if BATCH == 1:
        return (await loop.run_in_executor(pool, model, tensor[None]))[0]
    answer = loop.create_future()
    waiting.put_nowait((tensor, answer))
    return await answer


@app.post("/predict")
async def predict(file: UploadFile = File(...)):
    png = await file.read()
    loop = asyncio.get_running_loop()
    if BATCH == 1:
        # Decoding and inference in one hop to the pool.
        value = await loop.run_in_executor(pool, lambda: model(common.preprocess(png)[None])[0])
    else:
        value = await infer(await loop.run_in_executor(None, common.preprocess, png))
    return {"probability": float(value[0])}


@app.post("/v2/models/bench/infer")
async def infer_v2(request: Request):
    body = await request.body()
    header = request.headers.get("inference-header-content-length")
    if header:
        tensor = np.frombuffer(body[int(header):], "<f4").reshape(common.SIDE, common.SIDE, 3)
    else:
        tensor = np.asarray(json.loads(body)["inputs"][0]["data"], np.float32).reshape(common.SIDE, common.SIDE, 3)
    value = await infer(tensor)
    data = [float(value[0])]
    return {"model_name": "bench", "outputs": [{"name": "p", "shape": [1, 1], "datatype": "FP32", "data": data}]}
