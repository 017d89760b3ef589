// The engine, in a worker, so that typing stays smooth, and the boxes in which one types.

Object.assign(TEXT, {
  broken: (message) => [
    `The model stopped: ${message}. Reload the page to go on.`,
    `模型停止运行：${message}。请重新载入本页。`,
  ],
  converts: [
    "The model knows simplified characters only; this page does not convert others.",
    "模型只认识简体字，本页不作繁简转换。",
  ],
});

/** `call` promises what a method of the engine returns; `model` is what it is made of. */
function startEngine(model) {
  const source = $("engine").textContent;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const waiting = new Map();
  let failure = null;
  let n = 0;
  worker.onmessage = ({ data: { id, result, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(error);
    else resolve(result);
  };
  worker.onerror = ({ message }) => {
    failure = { key: null, message };
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };
  worker.postMessage({ data: model });
  return {
    call(method, ...values) {
      if (failure) return Promise.reject(failure);
      n += 1;
      worker.postMessage({ id: n, method, values });
      return new Promise((resolve, reject) => waiting.set(n, { resolve, reject }));
    },
  };
}

/** Call `act` with the text of a box as it changes, but not while a word is being composed. */
function onTyping(id, act) {
  $(id).addEventListener("input", (event) => {
    if (!event.isComposing) act($(id).value);
  });
  $(id).addEventListener("compositionend", () => act($(id).value));
}
