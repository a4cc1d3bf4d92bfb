// Tasks: a fold of the event stream, in order and without gaps. A gap is filled by a replay.
import * as vscode from "vscode";
import type { Batch, Event, Finding, Patch, Plan, TaskView, TestReport, ToolCall, ToolResult, Update, Usage } from "./wire";

// Tokens and money. An unknown price is unknown, not nothing.
export class Spent {
  input = 0;
  output = 0;
  micro = 0;
  unpriced = 0;
  calls = 0;
  estimated = false;

  add(usage: Usage): void {
    this.calls += 1;
    this.input += usage.inputTokens;
    this.output += usage.outputTokens;
    this.micro += usage.costMicroUsd ?? 0;
    if (usage.costMicroUsd === undefined) this.unpriced += 1;
    this.estimated ||= usage.estimated;
  }

  static sum(all: Spent[]): Spent {
    const sum = new Spent();
    for (const key of ["input", "output", "micro", "unpriced", "calls"] as const) for (const one of all) sum[key] += one[key];
    sum.estimated = all.some((one) => one.estimated);
    return sum;
  }

  // As short as it can be said and be true.
  get money(): string {
    if (this.calls === 0) return "$0";
    if (this.unpriced === this.calls) return "price unknown";
    const known = `${this.estimated ? "≈ " : ""}$${(this.micro / 1e6).toFixed(this.micro < 1e5 ? 4 : 2)}`;
    return this.unpriced > 0 ? `${known} + ${this.unpriced} calls of unknown price` : known;
  }

  get tokens(): string {
    const short = (count: number) => (count < 1000 ? `${count}` : `${(count / 1000).toFixed(1)}k`);
    return `${this.estimated ? "≈ " : ""}${short(this.input)} tokens in, ${short(this.output)} out`;
  }
}

export class Task {
  events: Event[] = [];
  title = "";
  phase = "intake";
  plan: Plan = { entries: [] };
  calls = new Map<string, { call: ToolCall; result?: ToolResult }>();
  tests: TestReport[] = [];
  findings: Finding[] = [];
  session = "";
  model = "";
  // What a person said to it while it ran.
  said: string[] = [];
  private asked = false;
  // Why it waits, while it does.
  waits = "";
  spent = new Spent();
  patch: Patch | undefined;
  finished: Extract<Update, { type: "finished" }> | undefined;
  // The highest number that was announced, taken or not.
  seen = -1;
  replaying = false;
  // Whether its end is the one of its server.
  lost = false;

  constructor(readonly id: string) {}

  fold(event: Event): void {
    this.events.push(event);
    const update = event.update;
    this.session = event.session;
    switch (update.type) {
      case "started":
        this.title ||= update.request.prompt || update.request.intent;
        this.model = update.model;
        break;
      case "phase":
        this.phase = update.phase;
        if (update.phase !== "waiting") this.waits = "";
        break;
      case "waiting":
        this.waits = update.message;
        break;
      case "prompt":
        // The first is the request.
        if (update.by !== "user") break;
        if (this.asked) this.said.push(update.text);
        this.asked = true;
        break;
      case "critique":
        this.findings = update.critique.findings;
        break;
      case "usage":
        this.spent.add(update.usage);
        break;
      case "plan":
        this.plan = update.plan;
        break;
      case "toolCall":
        this.calls.set(update.call.id, { call: update.call });
        break;
      case "toolResult": {
        const entry = this.calls.get(update.result.id);
        if (entry) entry.result = update.result;
        break;
      }
      case "test":
        this.tests = [...this.tests.filter((test) => test.attempt !== update.report.attempt), update.report];
        break;
      case "patch":
        this.patch = update.patch;
        break;
      case "finished":
        this.finished = update;
        break;
    }
  }
}

export class Tasks implements vscode.Disposable {
  readonly all = new Map<string, Task>();
  private readonly events = new vscode.EventEmitter<Event>();
  private readonly changes = new vscode.EventEmitter<Task>();
  // Every event once, in order.
  readonly onEvent = this.events.event;
  // A task looks different now.
  readonly onChange = this.changes.event;

  constructor(private readonly replay: (task: string, after: number | undefined) => Promise<Event[]>) {}

  async receive(batch: Batch): Promise<void> {
    const task = this.task(batch.task);
    if (task.lost) this.revive(task);
    task.seen = Math.max(task.seen, batch.events.at(-1)?.seq ?? -1);
    this.take(task, batch.events);
    if (task.replaying) return;
    task.replaying = true;
    try {
      while (task.events.length <= task.seen) {
        const missing = await this.replay(task.id, task.events.at(-1)?.seq);
        if (missing.length === 0) break;
        this.take(task, missing);
      }
    } finally {
      task.replaying = false;
    }
  }

  // Ends what runs: its server is gone, and says no end.
  lose(): Task[] {
    const lost = [...this.all.values()].filter(({ id }) => this.running(id));
    for (const task of lost) {
      task.lost = true;
      const update: Update = { type: "finished", reason: "lost", exitCode: 1, summary: "The server ended." };
      this.take(task, [{ v: 1, task: task.id, session: task.session, seq: task.events.length, ts: new Date().toISOString(), update }]);
    }
    return lost;
  }

  // Another process worked on it, and still does.
  private revive(task: Task): void {
    task.events.pop();
    task.finished = undefined;
    task.lost = false;
  }

  viewed(view: TaskView): void {
    const task = this.task(view.id);
    task.title = view.title;
    this.changes.fire(task);
  }

  patched(patch: Patch): void {
    // What takes a patch back is a patch too, and stands in the state of the one that it takes back.
    if (patch.kind && patch.kind !== "change") return;
    const task = this.task(patch.task);
    task.patch = patch;
    task.title ||= patch.title;
    this.changes.fire(task);
  }

  // Whether a task of this window goes on: what it proposes may land by itself.
  running(id: string): boolean {
    const task = this.all.get(id);
    return !!task && task.seen >= 0 && !task.finished;
  }

  // The newest patch in a state, among the tasks of this window.
  newest(state: Patch["state"]): Patch | undefined {
    return [...this.all.values()].map((task) => task.patch).filter((patch) => patch?.state === state).at(-1);
  }

  // The newest task that runs.
  get current(): Task | undefined {
    return [...this.all.values()].filter((task) => this.running(task.id)).at(-1);
  }

  private task(id: string): Task {
    let task = this.all.get(id);
    if (!task) this.all.set(id, (task = new Task(id)));
    return task;
  }

  private take(task: Task, events: Event[]): void {
    for (const event of events) {
      if (event.seq !== task.events.length) continue;
      task.fold(event);
      this.events.fire(event);
    }
    this.changes.fire(task);
  }

  dispose(): void {
    this.events.dispose();
    this.changes.dispose();
  }
}
