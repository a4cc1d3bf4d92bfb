-- :Animus {ask,cancel,tasks,accept,refuse,undo,status,log} [argument]
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
  accept = function(argument)
    require('animus').resolve('accept', argument)
  end,
  refuse = function(argument)
    require('animus').resolve('refuse', argument)
  end,
  undo = function(argument)
    require('animus').undo(argument)
  end,
  status = function()
    require('animus').status()
  end,
  log = function()
    require('animus').log()
  end,
}

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
