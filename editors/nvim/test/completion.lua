-- Inline completion in a real Neovim that is typed into over its RPC, as a user interface does: in one that runs a script nobody types.
package.path = vim.fs.dirname(vim.fs.abspath(debug.getinfo(1, 'S').source:sub(2))) .. '/?.lua;' .. package.path
local check = require('check')
local test, wait, equal, has = check.test, check.wait, check.equal, check.has
check.session = 'nvim-completion'
local workspace = assert(vim.env.ANIMUS_TEST_WORKSPACE)
local shim = vim.fs.dirname(vim.fs.dirname(vim.fs.abspath(debug.getinfo(1, 'S').source:sub(2))))

local channel = vim.fn.jobstart(
  { vim.v.progpath, '--embed', '--headless', '--clean', '--cmd', 'set runtimepath^=' .. shim },
  { rpc = true, cwd = workspace }
)

local function lua(code, ...)
  return vim.rpcrequest(channel, 'nvim_exec_lua', code, { ... })
end

local function keys(text)
  vim.rpcrequest(channel, 'nvim_input', text)
end

local function until_equal(what, actual, expected)
  local seen
  local ok = vim.wait(30000, function()
    seen = actual()
    return vim.deep_equal(seen, expected)
  end, 20)
  assert(ok, ('%s: expected %s, not %s'):format(what, vim.inspect(expected), vim.inspect(seen)))
end

-- What is drawn behind the cursor: the rest of its line, and the lines below.
local function drawn()
  return lua([[
    local namespace = vim.api.nvim_get_namespaces()['animus.complete']
    local marks = namespace and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true }) or {}
    local text = {}
    for _, mark in ipairs(marks) do
      table.insert(text, mark[4].virt_text[1][1])
      for _, line in ipairs(mark[4].virt_lines or {}) do
        table.insert(text, line[1][1])
      end
    end
    return text
  ]])
end

local function buffer()
  return lua('return vim.api.nvim_buf_get_lines(0, 0, -1, false)')
end

-- The server's figures.
local function figures()
  return lua([[
    local client = vim.lsp.get_clients({ name = 'animus' })[1]
    local answer = client and client:request_sync('animus/status', vim.empty_dict(), 20000)
    return answer and answer.result and answer.result.completion or false
  ]])
end

test('it_is_offered_once_the_server_wants_it', function()
  lua([[
    vim.cmd('filetype on')
    vim.cmd.runtime('plugin/animus.lua')
    require('animus').setup({ complete = '<Tab>' })
    vim.cmd.edit('sum.py')
  ]])
  wait('the offer', 30000, function()
    return lua("return next(require('animus.complete').clients) ~= nil")
  end)
  equal(figures().model, 'script/demo')
  equal(drawn(), {})
end)

-- The first answer of the script takes ten minutes.
test('a_key_gives_up_what_is_asked', function()
  keys('ggjA')
  wait('the question', 30000, function()
    return figures().asked == 1
  end)
  keys('a')
  until_equal('given up', function()
    return figures().givenUp
  end, 1)
end)

test('a_suggestion_is_drawn_behind_the_cursor', function()
  until_equal('the suggestion', drawn, { ' + b', '    # both' })
  equal(buffer(), { 'def sum(a, b):', '    return a' })
  has(lua('return vim.fn.mode()'), 'i')
end)

test('typing_through_it_asks_nobody', function()
  local before = figures()
  keys(' +')
  until_equal('the rest', drawn, { ' b', '    # both' })
  local after = figures()
  equal(after.asked, before.asked)
  assert(after.remembered > before.remembered, vim.inspect(after))
end)

test('the_key_of_the_option_accepts_it', function()
  keys('<Tab>')
  until_equal('the text', buffer, { 'def sum(a, b):', '    return a + b', '    # both' })
  equal(lua('return vim.api.nvim_win_get_cursor(0)'), { 3, 10 })
end)

test('leaving_insert_mode_hides_it_and_the_key_is_what_it_was', function()
  wait('a suggestion', 30000, function()
    return #drawn() > 0
  end)
  keys('<Esc>')
  until_equal('nothing drawn', drawn, {})
  lua([[require('animus.complete').clients = {}; vim.bo.expandtab, vim.bo.autoindent, vim.bo.indentexpr = false, false, '']])
  keys('Go<Tab>x<Esc>')
  until_equal('a tab', function()
    return buffer()[4]
  end, '\tx')
end)

pcall(lua, "vim.lsp.enable('animus', false)")
wait('the server to end', 20000, function()
  return #check.children(vim.fn.jobpid(channel)) == 0
end)
pcall(vim.rpcnotify, channel, 'nvim_command', 'qall!')
vim.fn.jobwait({ channel }, 10000)
check.finish()
