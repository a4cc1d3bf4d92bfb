-- Commands: what `:Animus` knows, and what each takes. Each is a `<Plug>(animus-…)` too.
local M = {}

local function animus()
  return require('animus')
end

-- Ids for completion: from the server, which answers from memory, else those that this session saw.
local function ids(verb, field, known)
  return function()
    local client = vim.lsp.get_clients({ name = 'animus' })[1]
    local answer = client and client:request_sync('animus/' .. verb, vim.empty_dict(), 300)
    local list = answer and answer.result and answer.result[field] or vim.tbl_values(known())
    table.sort(list, function(a, b)
      return (a.created or '') > (b.created or '')
    end)
    return vim.tbl_map(function(item)
      return item.id
    end, list)
  end
end

local task_ids = ids('task/list', 'tasks', function()
  return require('animus.tasks').tasks
end)
local patch_ids = ids('patch/list', 'patches', function()
  return require('animus.tasks').patches
end)
local session_ids = ids('session/list', 'sessions', function()
  return {}
end)

local function findings_ids()
  return vim.list_extend(task_ids(), patch_ids())
end

local function approval_ids()
  return require('animus.approvals').ids()
end

-- Of an intent: it is about the range, or about the file.
local function about(intent)
  return function(argument, range)
    animus().ask(argument, range and range.first, range and range.last, intent)
  end
end

-- Of a decision of the review; a fixed first argument stands before what was typed.
local function decide(call, first)
  return function(argument)
    require('animus.review')[call](unpack(first and { first, argument } or { argument }))
  end
end

M.all = {
  ask = { 'Ask the agent', about(), range = true },
  refactor = { 'Refactor', about('refactor'), range = true },
  fix = { 'Fix what is wrong', about('fix'), range = true },
  explain = { 'Explain', about('explain'), range = true },
  document = { 'Write documentation', about('document'), range = true },
  tests = { 'Write tests', about('tests'), range = true },
  steer = { 'Tell the running task', function(argument) animus().steer(argument) end },
  cancel = { 'Cancel', function(argument) animus().cancel(argument) end, task_ids },
  approve = { 'Answer the open question', function(argument) require('animus.approvals').open(argument) end, approval_ids },
  view = { 'Open or close the task view', function(argument) animus().view(argument) end, task_ids },
  log = { 'Show the task view', function(argument) animus().log(argument) end, task_ids },
  tasks = { 'Pick a task', function() animus().tasks() end },
  findings = { 'Findings as a quickfix list', function(argument) require('animus.findings').open(argument) end, findings_ids },
  resume = { 'Go on in a session', function(argument) animus().resume(argument) end, session_ids },
  status = { 'Version, models, sandbox', function() animus().status() end },
  restart = { 'Start the server again', function() animus().restart() end },
  next = { 'Next hunk', decide('go', 1) },
  prev = { 'Previous hunk', decide('go', -1) },
  accept = { 'Accept hunk', decide('resolve', 'accept'), patch_ids },
  refuse = { 'Refuse hunk', decide('resolve', 'refuse'), patch_ids },
  accept_file = { 'Accept the hunks of this file', decide('resolve_file', 'accept') },
  refuse_file = { 'Refuse the hunks of this file', decide('resolve_file', 'refuse') },
  accept_all = { 'Accept patch', decide('resolve_all', 'accept') },
  refuse_all = { 'Refuse patch', decide('resolve_all', 'refuse') },
  edit = { 'Edit hunk', decide('edit') },
  undo = { 'Take back hunk or patch', decide('undo'), patch_ids },
  review = { 'Review document', decide('review'), patch_ids },
}

function M.names()
  return vim.fn.sort(vim.tbl_keys(M.all))
end

function M.run(call)
  local name, argument = call.args:match('^(%S+)%s*(.-)%s*$')
  local command = M.all[name]
  if not command then
    local known = require('animus.options').did_you_mean(name, M.names())
    return animus().notify(('no command %s%s (:h animus-commands)'):format(name, known), vim.log.levels.ERROR)
  end
  local range = call.range > 0 and { first = call.line1, last = call.line2 } or nil
  if range and not command.range then
    return animus().notify(('%s takes no range'):format(name), vim.log.levels.ERROR)
  end
  command[2](argument ~= '' and argument or nil, range)
end

function M.complete(lead, line, cursor)
  local name = line:sub(1, cursor):match('Animus%s+(%S+)%s')
  local command = M.all[name]
  local words = not name and M.names() or command and command[3] and command[3]() or {}
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, words)
end

-- The <Plug> of a command.
function M.plug(name)
  return ('<Plug>(animus-%s)'):format((name:gsub('_', '-')))
end

function M.define()
  vim.api.nvim_create_user_command('Animus', M.run, {
    nargs = '+',
    range = true,
    desc = 'Ask the agent, and answer it',
    complete = M.complete,
  })
  for name, command in pairs(M.all) do
    local settings = { desc = 'Animus: ' .. command[1] }
    vim.keymap.set('n', M.plug(name), function()
      command[2]()
    end, settings)
    if command.range then
      -- The lines of the selection, which ends here.
      vim.keymap.set('x', M.plug(name), function()
        local first, last = vim.fn.line('v'), vim.fn.line('.')
        vim.api.nvim_feedkeys(vim.keycode('<Esc>'), 'nx', false)
        command[2](nil, { first = math.min(first, last), last = math.max(first, last) })
      end, settings)
    end
  end
end

return M
