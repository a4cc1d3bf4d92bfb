-- Health: what `:checkhealth animus` tells: the editor, the server, what they agreed on, and what the server says of itself.
local M = {}

local health = vim.health

local words = { good = health.ok, weak = health.warn, bad = health.error }

-- The output of a command, or why there is none.
local function ask(cmd, cwd)
  local ok, process = pcall(vim.system, cmd, { text = true, cwd = cwd })
  if not ok then
    return nil, tostring(process)
  end
  local done = process:wait(20000)
  return done.stdout, (done.stderr ~= '' and done.stderr or ('exit code %d'):format(done.code))
end

local function editor()
  health.start('Editor')
  if vim.fn.has('nvim-0.11') == 1 then
    health.ok('Neovim ' .. tostring(vim.version()))
  else
    health.error(('Neovim %s is too old'):format(tostring(vim.version())), 'install 0.11 or newer')
  end
  if vim.fn.executable('git') == 1 then
    health.ok((vim.trim(ask({ 'git', '--version' }) or 'git')))
  else
    health.warn('git is not on the path', 'undo works all the same; names of commits are not known')
  end
  local problems = require('animus.options').problems
  for _, problem in ipairs(problems) do
    health.warn('setup: ' .. problem, 'see :h animus-options')
  end
  if #problems == 0 then
    health.ok('the options of setup are known')
  end
  if not vim.lsp.is_enabled('animus') then
    health.warn('the server is not enabled', "call require('animus').setup()")
  end
end

-- What `animus doctor` finds: configuration, models (whether their keys are there; never a key), sandbox, state.
local function doctor(program, root)
  health.start('Server: what works in ' .. root)
  local out, problem = ask({ program, 'doctor', '--json' }, root)
  local ok, report = pcall(vim.json.decode, out or '')
  if not ok or type(report) ~= 'table' then
    return health.error('animus doctor: ' .. vim.trim(problem))
  end
  for _, check in ipairs(report.checks) do
    local say = words[check.state] or health.info
    local text = ('%s: %s'):format(check.name, check.detail)
    if check.hint then
      say(text, check.hint)
    else
      say(text)
    end
  end
end

local function attached(client)
  local said = vim.tbl_get(client.server_capabilities, 'experimental', 'animus')
  if not said then
    return health.error('the server does not speak the protocol of this plug-in', 'update the server')
  end
  health.ok(('protocol %s, %s, %d buffers of %s'):format(said.protocol, client.offset_encoding, vim.tbl_count(client.attached_buffers), client.root_dir))
  for _, verb in ipairs(require('animus').verbs) do
    if not vim.startswith(verb, 'client/') and not vim.tbl_contains(said.verbs, verb) then
      health.warn('the server does not know ' .. verb, 'update the server')
    end
  end
end

function M.check()
  editor()
  health.start('Server')
  local cmd = (vim.lsp.config.animus or {}).cmd
  local program = type(cmd) == 'table' and cmd[1] or 'animus'
  local found = vim.fn.exepath(program)
  if found == '' then
    return health.error(program .. ' is not an executable', { 'put animus on the path', "or setup({ cmd = { '/path/to/animus', 'lsp' } })" })
  end
  local version, problem = ask({ found, '--version' })
  if version and version ~= '' then
    health.ok(('%s: %s'):format(found, vim.trim(version)))
  else
    return health.error(('%s does not run: %s'):format(found, vim.trim(problem)))
  end
  local clients = vim.lsp.get_clients({ name = 'animus' })
  vim.iter(clients):each(attached)
  if #clients == 0 then
    health.info('no buffer is attached: open a file of a project (a folder with .git, animus.yaml or a build file)')
  end
  doctor(found, clients[1] and clients[1].root_dir or vim.fn.getcwd())
end

return M
