-- :Animus {ask,cancel,tasks,status,log} [argument], and the decisions of a review; each of these is a <Plug>(animus-…) too.
if vim.g.loaded_animus then
  return
end
vim.g.loaded_animus = true

local commands = {
  ask = function(argument, range)
    require('animus').ask(argument, range and range.first, range and range.last)
  end,
  cancel = function(argument)
    require('animus').cancel(argument)
  end,
  tasks = function()
    require('animus').tasks()
  end,
  status = function()
    require('animus').status()
  end,
  log = function()
    require('animus').log()
  end,
}

local decisions = {
  accept = { 'Accept hunk', 'resolve', 'accept' },
  refuse = { 'Refuse hunk', 'resolve', 'refuse' },
  accept_file = { 'Accept the hunks of this file', 'resolve_file', 'accept' },
  refuse_file = { 'Refuse the hunks of this file', 'resolve_file', 'refuse' },
  accept_all = { 'Accept patch', 'resolve_all', 'accept' },
  refuse_all = { 'Refuse patch', 'resolve_all', 'refuse' },
  undo = { 'Take back hunk or patch', 'undo' },
  next = { 'Next hunk', 'go', 1 },
  prev = { 'Previous hunk', 'go', -1 },
  edit = { 'Edit hunk', 'edit' },
  review = { 'Review document', 'review' },
}

for name, decision in pairs(decisions) do
  local desc, call, first = unpack(decision)
  commands[name] = function(argument)
    -- A fixed first argument stands before what was typed.
    require('animus.review')[call](unpack(first and { first, argument } or { argument }))
  end
  vim.keymap.set('n', ('<Plug>(animus-%s)'):format((name:gsub('_', '-'))), function()
    commands[name]()
  end, { desc = 'Animus: ' .. desc })
end

vim.api.nvim_create_user_command('Animus', function(call)
  local name, argument = call.args:match('^(%S+)%s*(.*)$')
  local run = commands[name]
  if not run then
    return require('animus').notify(
      ('no command %s; one of: %s'):format(name, table.concat(vim.fn.sort(vim.tbl_keys(commands)), ', ')),
      vim.log.levels.ERROR
    )
  end
  run(argument ~= '' and argument or nil, call.range > 0 and { first = call.line1, last = call.line2 } or nil)
end, {
  nargs = '+',
  range = true,
  desc = 'Ask the agent, and answer it',
  complete = function(lead, line)
    if line:match('Animus%s+%S+%s') then
      return {}
    end
    return vim.tbl_filter(function(name)
      return vim.startswith(name, lead)
    end, vim.fn.sort(vim.tbl_keys(commands)))
  end,
})
