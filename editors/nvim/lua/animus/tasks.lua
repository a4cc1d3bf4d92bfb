-- What the server tells: events in order without gaps, and the latest view of each task and patch.
local animus = require('animus')
local review = require('animus.review')
local view = require('animus.view')

local M = { tasks = {}, patches = {}, status = nil, latest = nil }

-- Per task: its events so far (event `n` at `n + 1`), the highest number announced, and whether a replay is under way.
local streams = {}

-- The events of a task that this session saw begin.
function M.events(task)
  return streams[task] and streams[task].events
end

local function take(client, task, events)
  local stream = streams[task]
  for _, event in ipairs(events) do
    if event.seq == #stream.events then
      table.insert(stream.events, event)
      view.append(task, event)
      vim.api.nvim_exec_autocmds('User', { pattern = 'AnimusEvent', data = { client = client.id, event = event } })
      if event.update.type == 'finished' then
        review.over(task, vim.iter(stream.events):any(function(past)
          return past.update.type == 'patchState' and past.update.state == 'landed'
        end))
      end
    end
  end
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
    stream = { events = {}, seen = -1, replaying = false }
    streams[task] = stream
    M.latest = task
    if animus.options.view then
      view.show(task, {})
    end
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
    require('animus.edit').save(client.root_dir, vim.tbl_map(function(file)
      return file.path
    end, patch.files), animus.options.save == 'all')
  end
  if client then
    review.take(client, patch)
  end
  vim.api.nvim_exec_autocmds('User', { pattern = 'AnimusPatch', data = { patch = patch } })
end

local function on_approval(_, approval, ctx)
  if approval.state == 'pending' then
    animus.approve(approval, vim.lsp.get_client_by_id(ctx.client_id))
  end
end

M.handlers = {
  ['$/animus/event'] = on_event,
  ['$/animus/task'] = function(_, task)
    M.tasks[task.id] = task
  end,
  ['$/animus/patch'] = on_patch,
  ['$/animus/approval'] = on_approval,
  ['$/animus/status'] = function(_, status)
    M.status = status
  end,
  ['workspace/applyEdit'] = function(...)
    return require('animus.edit').apply(...)
  end,
}

return M
