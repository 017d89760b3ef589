// The engine behind messages: {data} makes it, and {id, method, values} calls it. Answers are
// {id, result}, or {id, error: {key, values, message}}; without a key it is a bug.

let engine;

onmessage = ({ data: message }) => {
  if (message.data) {
    engine = new Engine(message.data);
    return;
  }
  const { id, method, values } = message;
  try {
    postMessage({ id, result: engine[method](...values) });
  } catch (error) {
    const { key = null, values: about = {}, message: text } = error;
    postMessage({ id, error: { key, values: about, message: text } });
  }
};
