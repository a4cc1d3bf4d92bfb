-- Screen: a Neovim as a person has it, in a terminal of its own: keys go in, and what counts is what stands on the screen. What
-- the screen cannot show is asked for over a socket.
local check = require('check')
local M = {}

local buffer, job, channel

-- Puts the plug-in where a package manager would, with this init.lua, and starts Neovim on the file.
function M.start(plugin, init, file)
  local config, data = vim.fn.stdpath('config'), vim.fn.stdpath('data')
  local home = data .. '/site/pack/plugins/start/animus'
  vim.fn.mkdir(home, 'p')
  vim.fn.mkdir(config, 'p')
  for _, part in ipairs({ 'doc', 'lsp', 'lua', 'plugin', 'syntax' }) do
    assert(vim.system({ 'cp', '-r', plugin .. '/' .. part, home }):wait().code == 0)
  end
  vim.fn.writefile(vim.split(init, '\n'), config .. '/init.lua')
  local socket = config .. '/socket'
  -- Without a screen of its own Neovim's window keeps its first size; a floating one has what it is given.
  vim.o.columns, vim.o.lines = 112, 42
  buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_open_win(buffer, true, { relative = 'editor', width = 110, height = 38, row = 0, col = 0, style = 'minimal' })
  job = vim.fn.jobstart({ vim.v.progpath, '--listen', socket, file }, { term = true, env = { TERM = 'xterm-256color' } })
  assert(job > 0, 'no terminal')
  check.wait('Neovim', 20000, function()
    local ok, connected = pcall(vim.fn.sockconnect, 'pipe', socket, { rpc = true })
    channel = ok and connected or nil
    return ok and connected > 0
  end)
end

function M.text()
  return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
end

-- Types keys as a person would.
function M.type(keys)
  vim.fn.chansend(job, vim.keycode(keys))
end

-- Waits until the parts stand on the screen.
function M.shows(...)
  local parts = { ... }
  local missing
  local ok = vim.wait(40000, function()
    local text = M.text()
    missing = vim.iter(parts):find(function(part)
      return not text:find(part, 1, true)
    end)
    return missing == nil
  end, 50)
  assert(ok, ('%q is not on the screen:\n%s'):format(missing or '', M.text()))
end

-- Waits until none of the parts stands on the screen.
function M.lacks(part)
  local ok = vim.wait(40000, function()
    return not M.text():find(part, 1, true)
  end, 50)
  assert(ok, ('%q is on the screen:\n%s'):format(part, M.text()))
end

-- What a piece of Lua gives in that Neovim.
function M.ask(code)
  return vim.rpcrequest(channel, 'nvim_exec_lua', code, {})
end

-- Waits until a piece of Lua gives true there.
function M.becomes(what, code)
  check.wait(what .. ' on\n' .. M.text(), 40000, function()
    return M.ask(code) == true
  end)
end

function M.stop()
  M.type('<C-\\><C-n>:qa!<CR>')
  return vim.fn.jobwait({ job }, 10000)[1]
end

return M
