-- What the server tells: events in order without gaps, and the latest view of each task and patch.
local animus = require('animus')
local approvals = require('animus.approvals')
local fold = require('animus.task')
local review = require('animus.review')
local status = require('animus.status')
local view = require('animus.view')

-- `folds`: what the events of each task of this session add up to. `past`: the same of earlier tasks that were looked at.
-- `ended`: the server ended by itself, and none began since.
local M = { tasks = {}, patches = {}, folds = {}, past = {}, status = nil, latest = nil, ended = false }

-- Per task: its events so far (event `n` at `n + 1`), the highest number announced, and whether a replay is under way.
local streams = {}

-- The events of a task that this session saw begin.
function M.events(task)
  return streams[task] and streams[task].events
end

-- Calls back with what the events of a task add up to, and the events; they are fetched where this session did not see them.
function M.known(task, run)
  if streams[task] and #streams[task].events > 0 then
    return run(M.folds[task], streams[task].events)
  end
  animus.request('task/replay', { task = task }, function(result)
    M.past[task] = fold.new(task)
    for _, event in ipairs(result.events) do
      fold.take(M.past[task], event.update)
    end
    run(M.past[task], result.events)
  end)
end

-- Tasks that were asked for in this Neovim.
local mine = {}

function M.is_mine(task)
  return mine[task] == true
end

local function open(task)
  -- In the command-line window no other window may be opened.
  if animus.options.view and vim.fn.getcmdwintype() == '' then
    local ok, problem = pcall(view.show, task, streams[task].events)
    if not ok then
      animus.notify('the view does not open: ' .. problem, vim.log.levels.WARN)
    end
  end
end

-- A task was asked for here: its view opens, and its questions come up.
function M.started(task)
  mine[task] = true
  if streams[task] then
    open(task)
  end
  approvals.next()
end

local function take(client, task, events)
  local stream = streams[task]
  for _, event in ipairs(events) do
    if event.seq == #stream.events then
      table.insert(stream.events, event)
      fold.take(M.folds[task], event.update)
      view.append(task, event)
      vim.api.nvim_exec_autocmds('User', { pattern = 'AnimusEvent', data = { client = client.id, event = event } })
      if event.update.type == 'finished' then
        review.over(task, vim.iter(stream.events):any(function(past)
          return past.update.type == 'patchState' and past.update.state == 'landed'
        end))
        require('animus.findings').over(M.folds[task])
      end
    end
  end
  status.changed()
end

-- Fetches what is missing, until nothing is.
local function fill(client, task)
  local stream = streams[task]
  if stream.replaying or #stream.events > stream.seen then
    return
  end
  stream.replaying = true
  local after = #stream.events > 0 and #stream.events - 1 or nil
  animus.request('task/replay', { task = task, after = after }, function(result)
    stream.replaying = false
    take(client, task, result.events)
    if #result.events > 0 then
      fill(client, task)
    end
  end, client, function()
    stream.replaying = false
  end)
end

local function on_event(_, params, ctx)
  local client = vim.lsp.get_client_by_id(ctx.client_id)
  local last = params.events[#params.events]
  if not client or not last then
    return
  end
  local task = params.task
  local stream = streams[task]
  if not stream then
    stream = { events = {}, seen = -1, replaying = false, client = client.id }
    streams[task] = stream
    M.folds[task] = fold.new(task)
    M.latest = task
    if mine[task] then
      open(task)
    end
    -- Events may come before the answer that says whose they are.
    vim.defer_fn(function()
      if not mine[task] and not M.folds[task].finished then
        animus.notify(('another window works on: %s (:Animus view)'):format(M.folds[task].title))
      end
    end, 1000)
  end
  client:notify('$/animus/ack', { task = task, seq = last.seq })
  stream.seen = math.max(stream.seen, last.seq)
  take(client, task, params.events)
  fill(client, task)
end

local function on_patch(_, patch, ctx)
  local client = vim.lsp.get_client_by_id(ctx.client_id)
  M.patches[patch.id] = patch
  if client and animus.options.save then
    require('animus.edit').save(client.root_dir, patch.files, animus.options.save == 'all')
  end
  if client then
    review.take(client, patch)
  end
  vim.api.nvim_exec_autocmds('User', { pattern = 'AnimusPatch', data = { patch = patch } })
end

-- The server ended. What it worked on has no end of its own, so it gets one here.
M.gone = vim.schedule_wrap(function(code, signal, client_id)
  M.ended = code ~= 0 or (signal ~= 0 and signal ~= 15)
  for task, stream in pairs(streams) do
    if stream.client == client_id and not M.folds[task].finished then
      local update = { type = 'finished', reason = 'lost', summary = 'the server ended before the task did' }
      fold.take(M.folds[task], update)
      view.append(task, { update = update })
    end
  end
  if M.ended then
    animus.notify(M.ENDED, vim.log.levels.ERROR)
  end
  status.changed()
end)

M.ENDED = 'the server ended; :Animus restart'

M.handlers = vim.tbl_extend('error', require('animus.intelligence').handlers, {
  ['$/animus/event'] = on_event,
  ['$/animus/task'] = function(_, task)
    M.tasks[task.id] = task
  end,
  ['$/animus/patch'] = on_patch,
  ['$/animus/approval'] = function(_, approval, ctx)
    approvals.take(vim.lsp.get_client_by_id(ctx.client_id), approval)
  end,
  ['$/animus/status'] = function(_, now)
    M.status = now
    status.changed()
  end,
  ['workspace/executeCommand'] = function(err, result, ctx)
    if vim.tbl_contains({ 'animus.task.start', 'animus.session.resume' }, ctx.params.command) and result then
      M.started(result.task)
    end
    return vim.lsp.handlers['workspace/executeCommand'](err, result, ctx)
  end,
  ['client/registerCapability'] = function(err, params, ctx, ...)
    local answer = vim.lsp.handlers['client/registerCapability'](err, params, ctx, ...)
    require('animus.complete').registered(params.registrations, ctx.client_id)
    return answer
  end,
  ['workspace/applyEdit'] = function(...)
    return require('animus.edit').apply(...)
  end,
})

return M
