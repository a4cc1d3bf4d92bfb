// Tasks: a fold of the event stream, in order and without gaps. A gap is filled by a replay.
import * as vscode from "vscode";
import type { Batch, Event, Patch, Plan, TaskView, TestReport, ToolCall, ToolResult, Update } from "./wire";

export class Task {
  events: Event[] = [];
  title = "";
  phase = "intake";
  plan: Plan = { entries: [] };
  calls = new Map<string, { call: ToolCall; result?: ToolResult }>();
  tests: TestReport[] = [];
  patch: Patch | undefined;
  finished: Extract<Update, { type: "finished" }> | undefined;
  // The highest number that was announced, taken or not.
  seen = -1;
  replaying = false;

  constructor(readonly id: string) {}

  fold(event: Event): void {
    this.events.push(event);
    const update = event.update;
    switch (update.type) {
      case "started":
        this.title ||= update.request.prompt || update.request.intent;
        break;
      case "phase":
        this.phase = update.phase;
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
