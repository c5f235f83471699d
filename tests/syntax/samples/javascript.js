"use strict";

const express = require("express");
const { pool } = require("./db");
import helmet from "helmet";

// Waits before it tries again.
// Doubles the time.
async function retry(work, times = 3) {
  for (let turn = 0; turn < times; turn++) {
    try {
      return await work();
    } catch (error) {
      await sleep(2 ** turn);
    }
  }
}

const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

function* pages(limit) {
  yield* range(limit);
}

class Orders {
  #cache = new Map();

  handle = async (request) => {
    return this.#load(request.params.id);
  };

  async #load(id) {
    return retry(() => pool.query("select 1", [id]));
  }

  get size() {
    return this.#cache.size;
  }
}

Orders.prototype.reset = function () {
  this.#cache.clear();
};

const routes = {
  list(request, response) {
    response.json(new Orders().size);
  },
  show: (request, response) => response.json(routes.list()),
};

module.exports = { retry, routes };
