// The words of the server that this shim reads (camelCase, as on the wire). Unknown updates are passed on unread.

export interface Step { content: string; status: "pending" | "in_progress" | "completed" }
export interface Plan { entries: Step[] }
export interface ToolCall { id: string; name: string; title: string; kind: string }
export interface ToolResult { id: string; status: "completed" | "failed"; output: string; failure?: Failure; exitCode?: number; durationMs: number }
export interface Failure { code: string; message: string; hint?: string }
export interface TestFailure { name: string; standing: "introduced" | "pre_existing" | "flaky" | "fixed"; message?: string; path?: string; line?: number }
export interface TestReport { verdict: "running" | "passed" | "failed" | "broken"; command: string; attempt: number; passed?: number; failed?: number; failing?: string[]; failures?: TestFailure[]; output?: string; durationMs: number }
export interface Finding { severity: "info" | "warning" | "critical"; message: string; path?: string; line?: number }
export interface Critique { quality: string; findings: Finding[]; notes?: string }
export interface Usage { inputTokens: number; outputTokens: number; costMicroUsd?: number; estimated: boolean }
// Lines from 1; where `lines` is 0, the place is above line `start`.
export interface Place { start: number; lines: number }
export type HunkState = "pending" | "accepted" | "refused" | "undone";
// `hidden` is the shim's own: what is being decided is not shown.
export interface Hunk { index: number; state: HunkState; text: string; edited?: boolean; live?: Place; hidden?: boolean }
export interface FileChange { path: string; op: "create" | "modify" | "delete"; added: number; removed: number; hunks: Hunk[] }
export type Resolution = "accept" | "refuse" | "edit";
export type PatchState = "proposed" | "landed" | "refused" | "undone";
export interface Patch { id: string; task: string; title: string; state: PatchState; verified: boolean; created: string; kind?: string; files: FileChange[] }
export interface Option { kind: string; scope: string; name: string }
export interface Approval { id: string; task: string; title: string; details: string[]; reasons: string[]; options: Option[]; state: "pending" | "allowed" | "rejected"; deadlineSeconds: number }
export interface TaskView { id: string; session: string; title: string; phase: string; finished?: string }
export interface Model { role: string; name: string; model: string; scripted: boolean }
export interface Status { version: string; root: string; sandbox: string[]; models: Model[]; running: number; index: { state: string; files: number; total: number }; problem?: string }
export interface Request { prompt: string; intent: string }

export type Update =
  | { type: "started"; request: Request; model: string; scripted: boolean }
  | { type: "phase"; phase: string; from: string }
  | { type: "plan"; plan: Plan }
  | { type: "message" | "thought"; text: string }
  | { type: "toolCall"; call: ToolCall }
  | { type: "toolResult"; result: ToolResult }
  | { type: "test"; report: TestReport }
  | { type: "patch"; patch: Patch }
  | { type: "patchState"; state: PatchState; paths: string[] }
  | { type: "notice"; level: string; message: string; hint?: string }
  | { type: "finished"; reason: string; exitCode: number; summary: string; failure?: Failure }
  | { type: "prompt"; by: "user" | "agent"; text: string }
  | { type: "critique"; critique: Critique }
  | { type: "approval"; approval: Approval }
  | { type: "waiting"; wait: string; message: string }
  | { type: "usage"; usage: Usage }
  | { type: "turn" | "draft" | "approvalResolved" | "modelCall" | "fallback" | "breaker" | "budget" | "editReply" | "compacted" };

export interface Event { v: number; task: string; session: string; seq: number; ts: string; update: Update }
export interface Batch { v: number; task: string; events: Event[] }

// A foreign text for a place where VS Code makes `[words](command:…)` a link that does something and `$(word)` an icon. A word
// joiner is not seen; the backslash that VS Code takes for it is seen where icons are not drawn.
export const plain = (text: string) => text.replaceAll("](", "] (").replaceAll("$(", "$\u2060(");

// A failure with its hint, which many a message holds already.
export const hinted = ({ message, hint = "" }: { message: string; hint?: string | undefined }) => (message.includes(hint) ? message : `${message} ${hint}`);

// What the shim announces in `capabilities.experimental.animus`.
export const announced = {
  protocol: [1],
  notifications: true,
  acks: true,
  verbs: ["task/start", "task/cancel", "task/steer", "task/list", "task/replay", "patch/list", "patch/get", "patch/resolve", "patch/undo", "patch/review", "approval/list", "approval/resolve", "client/definition", "client/references", "client/rename", "client/symbols", "client/selection", "client/diagnostics", "client/openDiff"],
};
