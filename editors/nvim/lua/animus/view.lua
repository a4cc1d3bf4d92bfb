-- The event view: one scratch buffer per task that shows events as they come.
local M = {}

-- Per task: its buffer, the kind of streamed text that its last line takes more of, and whether it holds text yet.
local views = {}

local marks = { pending = '[ ]', in_progress = '[>]', completed = '[x]', failed = '[!]' }

local renderers = {
  started = function(u)
    return { '# ' .. (u.request.prompt ~= '' and u.request.prompt or u.request.intent), ('model %s%s'):format(u.model, u.scripted and ' (scripted)' or '') }
  end,
  phase = function(u)
    return { '', '## ' .. u.phase }
  end,
  plan = function(u)
    return vim.tbl_map(function(step)
      return marks[step.status] .. ' ' .. step.content
    end, u.plan.entries)
  end,
  toolCall = function(u)
    return { '> ' .. u.call.title }
  end,
  toolResult = function(u)
    return { ('  %s %d ms%s'):format(marks[u.result.status] or u.result.status, u.result.durationMs, u.result.failure and (': ' .. u.result.failure.message) or '') }
  end,
  draft = function(u)
    return u.diff
  end,
  critique = function(u)
    return vim.list_extend(
      { 'critic: ' .. u.critique.quality },
      vim.tbl_map(function(finding)
        return ('- %s: %s'):format(finding.severity, finding.message)
      end, u.critique.findings)
    )
  end,
  test = function(u)
    return { ('test %s: %s'):format(u.report.verdict, u.report.command), u.report.verdict ~= 'passed' and u.report.output or nil }
  end,
  approval = function(u)
    return { 'asks: ' .. u.approval.title }
  end,
  approvalResolved = function(u)
    return { 'answer: ' .. u.state }
  end,
  waiting = function(u)
    return { 'waits: ' .. u.message }
  end,
  patch = function(u)
    return { ('patch %s (%s): :Animus review, next, accept, refuse, undo'):format(u.patch.id, u.patch.state) }
  end,
  patchState = function(u)
    return { 'patch ' .. u.state }
  end,
  notice = function(u)
    return { u.level .. ': ' .. u.message, u.hint }
  end,
  finished = function(u)
    return { '', ('%s: %s'):format(u.reason, u.summary), u.failure and u.failure.hint or nil }
  end,
}

local function buffer(task)
  local view = views[task]
  if view and vim.api.nvim_buf_is_valid(view.bufnr) then
    return view
  end
  local bufnr = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_name(bufnr, 'animus://task/' .. task)
  vim.bo[bufnr].filetype = 'markdown'
  vim.bo[bufnr].modifiable = false
  views[task] = { bufnr = bufnr, joins = false, started = false }
  return views[task]
end

local function write(view, lines, first, last)
  local windows = vim.tbl_filter(function(window)
    return vim.api.nvim_win_get_cursor(window)[1] == vim.api.nvim_buf_line_count(view.bufnr)
  end, vim.fn.win_findbuf(view.bufnr))
  vim.bo[view.bufnr].modifiable = true
  vim.api.nvim_buf_set_lines(view.bufnr, first, last, false, lines)
  vim.bo[view.bufnr].modifiable = false
  -- Windows that stood at the end follow.
  for _, window in ipairs(windows) do
    vim.api.nvim_win_set_cursor(window, { vim.api.nvim_buf_line_count(view.bufnr), 0 })
  end
end

function M.append(task, event)
  local view = views[task]
  if not view or not vim.api.nvim_buf_is_valid(view.bufnr) then
    return
  end
  local update = event.update
  local streamed = update.type == 'message' or update.type == 'thought'
  local text
  if streamed then
    text = update.text
  else
    local rendered = renderers[update.type] and renderers[update.type](update)
    text = type(rendered) == 'table' and table.concat(rendered, '\n') or rendered
  end
  if not text then
    return
  end
  local lines = vim.split(text, '\n', { plain = true })
  -- A countdown is one line.
  local counts = update.type == 'waiting' and update.wait == 'rate_limit' and update.seconds
  if counts and view.counts and counts < view.counts then
    write(view, lines, -2, -1)
  elseif streamed and view.joins == update.type then
    local last = vim.api.nvim_buf_get_lines(view.bufnr, -2, -1, false)[1] or ''
    lines[1] = last .. lines[1]
    write(view, lines, -2, -1)
  else
    write(view, lines, view.started and -1 or 0, -1)
  end
  view.counts = counts
  view.started = true
  view.joins = streamed and update.type or false
end

-- Opens the view of a task below, without taking the cursor. A new view is filled with the events so far.
function M.show(task, events)
  local known = views[task] and vim.api.nvim_buf_is_valid(views[task].bufnr)
  local view = buffer(task)
  if not known then
    for _, event in ipairs(events) do
      M.append(task, event)
    end
  end
  if #vim.fn.win_findbuf(view.bufnr) == 0 then
    vim.api.nvim_open_win(view.bufnr, false, { split = 'below', win = -1, height = 12 })
  end
end

return M
