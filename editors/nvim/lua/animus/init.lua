-- What a person asks of Animus: each is one request to the server.
local M = {}

-- See `:h animus-options`.
M.options = require('animus.options').check()

M.verbs = {
  'task/start', 'task/cancel', 'task/steer', 'task/list', 'task/replay', 'patch/list', 'patch/get', 'patch/resolve', 'patch/undo',
  'approval/list', 'approval/resolve', 'session/list', 'session/resume', 'status',
}
vim.list_extend(M.verbs, require('animus.intelligence').verbs)

function M.setup(options)
  local problems
  M.options, problems = require('animus.options').check(options)
  for _, problem in ipairs(problems) do
    M.notify(problem .. ' (:h animus-options)', vim.log.levels.WARN)
  end
  if M.options.keymaps ~= nil then
    vim.g.animus_keymaps = M.options.keymaps
  end
  local said = { land = M.options.land, config = M.options.config }
  vim.lsp.config('animus', { cmd = M.options.cmd, init_options = next(said) and { animus = said } or nil })
  vim.lsp.enable('animus')
  -- Neovim itself is silent about it.
  vim.schedule(function()
    if M.missing() then
      M.notify(M.missing(), vim.log.levels.WARN)
    end
  end)
end

-- What to say where the server's program is not there.
function M.missing()
  local cmd = (vim.lsp.config.animus or {}).cmd
  local absent = type(cmd) == 'table' and vim.fn.executable(cmd[1]) == 0
  return absent and ('`%s` is not on the path (:checkhealth animus)'):format(cmd[1]) or nil
end

function M.notify(message, level)
  vim.notify('Animus: ' .. message, level or vim.log.levels.INFO)
end

-- The client of this buffer, else any.
function M.client()
  local client = vim.lsp.get_clients({ name = 'animus', bufnr = 0 })[1] or vim.lsp.get_clients({ name = 'animus' })[1]
  if not client then
    local tasks = require('animus.tasks')
    local off = not vim.lsp.is_enabled('animus') and "the server is off; call require('animus').setup()"
    local says = M.missing() or off or tasks.ended and tasks.ENDED or 'no server is attached; open a file of a project'
    M.notify(says, vim.log.levels.ERROR)
  end
  return client
end

-- Sends `animus/VERB`; an error is shown with its hint unless `on_error` answers that it was told.
function M.request(verb, params, on_result, client, on_error)
  client = client or M.client()
  if not client then
    return
  end
  client:request('animus/' .. verb, next(params) and params or vim.empty_dict(), function(err, result)
    if err then
      local hint = type(err.data) == 'table' and err.data.hint
      -- The message of some holds it already.
      hint = hint and not err.message:find(hint, 1, true) and hint
      if not (on_error and on_error(err)) then
        M.notify(err.message .. (hint and ('\n' .. hint) or ''), vim.log.levels.ERROR)
      end
    else
      if verb == 'task/start' or verb == 'session/resume' then
        require('animus.tasks').started(result.task)
      end
      if on_result then
        on_result(result)
      end
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

-- What the editor knows to be wrong with these lines.
local function diagnostics(first, last)
  local found = {}
  for _, diagnostic in ipairs(vim.diagnostic.get(0)) do
    if not first or (diagnostic.lnum + 1 >= first and diagnostic.lnum + 1 <= last) then
      local severity = vim.diagnostic.severity[diagnostic.severity]:lower()
      table.insert(found, ('%s: %s'):format(severity, diagnostic.message))
    end
  end
  return #found > 0 and found or nil
end

-- Starts a task about the lines, or about the file; without words for it and an intent of its own they are asked for.
function M.ask(prompt, first, last, intent)
  local client = M.client()
  if not client then
    return
  end
  if (not prompt or prompt == '') and not intent then
    return vim.ui.input({ prompt = 'Ask agent to: ' }, function(answer)
      if answer and answer ~= '' then
        M.ask(answer, first, last)
      end
    end)
  end
  local params = { prompt = prompt, intent = intent or 'do', land = M.options.land }
  local name = vim.api.nvim_buf_get_name(0)
  local of_file = vim.bo.buftype == '' and name ~= ''
  if (first or intent) and not of_file then
    return M.notify('this buffer is no file of the project', vim.log.levels.ERROR)
  elseif first or intent then
    params.uri = vim.uri_from_bufnr(0)
    params.range = first and lines_range(client, first, last) or nil
    params.diagnostics = intent == 'fix' and diagnostics(first, last) or nil
  elseif of_file and client.root_dir and (vim.uv.fs_stat(name) or not vim.b.animus_renamed) then
    local path = vim.fs.relpath(client.root_dir, name)
    params.context = path and { path }
  end
  M.request('task/start', params, nil, client)
end

-- A task that runs, the newest one first.
local function running()
  local tasks = require('animus.tasks')
  local latest = tasks.folds[tasks.latest]
  if latest and not latest.finished then
    return latest.id
  end
  for id, fold in pairs(tasks.folds) do
    if not fold.finished then
      return id
    end
  end
end

-- Words for a task that runs.
function M.steer(text, task)
  task = task or running()
  if not task then
    return M.notify('no task is running')
  end
  if not text or text == '' then
    return vim.ui.input({ prompt = 'Tell the agent: ' }, function(answer)
      if answer and answer ~= '' then
        M.steer(answer, task)
      end
    end)
  end
  M.request('task/steer', { task = task, text = text }, function()
    M.notify('the agent reads it before its next turn')
  end)
end

function M.cancel(task)
  M.request('task/cancel', { task = task }, function(result)
    M.notify(#result.cancelled == 0 and 'no task is running' or ('cancelled ' .. table.concat(result.cancelled, ', ')))
  end)
end

local function show(task, enter)
  require('animus.tasks').known(task, function(_, events)
    require('animus.view').show(task, events, enter)
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
      if task then
        show(task.id)
      end
    end)
  end)
end

-- Goes on in a session: the named one, else one of a list.
function M.resume(session)
  if session then
    return vim.ui.input({ prompt = 'Ask agent to: ' }, function(prompt)
      if prompt and prompt ~= '' then
        M.request('session/resume', { session = session, prompt = prompt })
      end
    end)
  end
  M.request('session/list', {}, function(result)
    vim.ui.select(result.sessions, {
      prompt = 'Session',
      format_item = function(item)
        return ('%s  [%s]'):format(item.title, item.id)
      end,
    }, function(item)
      if item then
        M.resume(item.id)
      end
    end)
  end)
end

-- The hunks that a buffer shows, for status lines: `{patch, title, path, hunk, number, of, state, text, live = {start, lines}}`.
function M.hunks(bufnr)
  return require('animus.review').hunks(bufnr and bufnr ~= 0 and bufnr or vim.api.nvim_get_current_buf())
end

-- One line about the agent; costs no request.
function M.statusline()
  return require('animus.status').line()
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

-- The view of the newest task, or of the named one; the cursor stays unless `enter`.
function M.log(task, enter)
  task = task or require('animus.tasks').latest
  if not task then
    return M.notify('no task yet')
  end
  show(task, enter)
end

-- Opens the view and goes there, or closes it.
function M.view(task)
  local view = require('animus.view')
  if not task and view.is_open() then
    return view.close()
  end
  M.log(task, true)
end

-- Stops the server and starts it again, with what the configuration says now.
function M.restart()
  vim.lsp.enable('animus', false)
  vim.lsp.enable('animus')
end

return M
