-- The commands of Animus: each is one request to the server.
local M = {}

-- save: write the buffers that an edit of the server touched: true for those that held no unsaved text, 'all', or false.
-- view: open the event view when a task starts. land: 'auto' (default of the server's configuration where nil) or 'review'.
M.options = { save = true, view = true, land = nil }

M.verbs = { 'task/start', 'task/cancel', 'task/list', 'task/replay', 'patch/list', 'patch/get', 'patch/resolve', 'patch/undo', 'approval/resolve', 'status' }

function M.setup(options)
  M.options = vim.tbl_extend('force', M.options, options or {})
  if M.options.land then
    vim.lsp.config('animus', { init_options = { animus = { land = M.options.land } } })
  end
  vim.lsp.enable('animus')
end

function M.notify(message, level)
  vim.notify('Animus: ' .. message, level or vim.log.levels.INFO)
end

-- The client of this buffer, else any.
function M.client()
  local client = vim.lsp.get_clients({ name = 'animus', bufnr = 0 })[1] or vim.lsp.get_clients({ name = 'animus' })[1]
  if not client then
    M.notify("no server is attached; call vim.lsp.enable('animus') and open a file of a project", vim.log.levels.ERROR)
  end
  return client
end

-- Sends `animus/VERB`; an error is shown with its hint.
function M.request(verb, params, on_result, client, on_error)
  client = client or M.client()
  if not client then
    return
  end
  client:request('animus/' .. verb, next(params) and params or vim.empty_dict(), function(err, result)
    if err then
      local hint = type(err.data) == 'table' and err.data.hint
      M.notify(err.message .. (hint and ('\n' .. hint) or ''), vim.log.levels.ERROR)
      if on_error then
        on_error()
      end
    elseif on_result then
      on_result(result)
    end
  end)
end

-- Lines `first` to `last` (from 1, inclusive) as an LSP range in the client's encoding.
local function lines_range(client, first, last)
  local text = vim.api.nvim_buf_get_lines(0, last - 1, last, false)[1] or ''
  return {
    start = { line = first - 1, character = 0 },
    ['end'] = { line = last - 1, character = vim.str_utfindex(text, client.offset_encoding) },
  }
end

function M.ask(prompt, first, last)
  local client = M.client()
  if not client then
    return
  end
  if not prompt or prompt == '' then
    return vim.ui.input({ prompt = 'Ask agent to: ' }, function(answer)
      if answer and answer ~= '' then
        M.ask(answer, first, last)
      end
    end)
  end
  local params = { prompt = prompt, intent = 'do', land = M.options.land }
  local name = vim.api.nvim_buf_get_name(0)
  if first then
    params.uri = vim.uri_from_bufnr(0)
    params.range = lines_range(client, first, last)
  elseif vim.bo.buftype == '' and client.root_dir and name ~= '' then
    local path = vim.fs.relpath(client.root_dir, name)
    params.context = path and { path }
  end
  M.request('task/start', params, nil, client)
end

function M.cancel(task)
  M.request('task/cancel', { task = task }, function(result)
    M.notify(#result.cancelled == 0 and 'no task is running' or ('cancelled ' .. table.concat(result.cancelled, ', ')))
  end)
end

function M.tasks()
  M.request('task/list', {}, function(result)
    vim.ui.select(result.tasks, {
      prompt = 'Task',
      format_item = function(task)
        return ('%s  [%s]'):format(task.title, task.finished or task.phase)
      end,
    }, function(task)
      if not task then
        return
      end
      local known = require('animus.tasks').events(task.id)
      if known then
        return require('animus.view').show(task.id, known)
      end
      M.request('task/replay', { task = task.id }, function(replay)
        require('animus.view').show(task.id, replay.events)
      end)
    end)
  end)
end

-- The hunks that a buffer shows, for status lines: `{patch, title, path, hunk, number, of, state, text, live = {start, lines}}`.
function M.hunks(bufnr)
  return require('animus.review').hunks(bufnr and bufnr ~= 0 and bufnr or vim.api.nvim_get_current_buf())
end

function M.status()
  M.request('status', {}, function(status)
    local lines = { ('%s, %d running, sandbox: %s'):format(status.version, status.running, table.concat(status.sandbox, ', ')) }
    for _, model in ipairs(status.models) do
      table.insert(lines, ('%s: %s%s'):format(model.role, model.model, model.scripted and ' (scripted)' or ''))
    end
    table.insert(lines, status.problem)
    M.notify(table.concat(lines, '\n'))
  end)
end

-- The event view of the newest task.
function M.log()
  local tasks = require('animus.tasks')
  if not tasks.latest then
    return M.notify('no task yet')
  end
  require('animus.view').show(tasks.latest, tasks.events(tasks.latest))
end

-- A pending approval. Closing the question is a no, and so is the first answer.
function M.approve(approval, client)
  local options = vim.iter(approval.options):rev():totable()
  vim.ui.select(options, {
    prompt = table.concat(vim.iter({ approval.title, approval.details, approval.reasons }):flatten():totable(), '\n'),
    format_item = function(option)
      return option.name
    end,
  }, function(option)
    local answer = option or { kind = 'reject_once' }
    M.request('approval/resolve', { approval = approval.id, option = answer.kind, scope = answer.scope }, nil, client)
  end)
end

return M
