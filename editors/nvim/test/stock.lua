-- A Neovim without the plug-in: what it does to edits that came too late is noticed and mended by the server.
package.path = vim.fs.dirname(vim.fs.abspath(debug.getinfo(1, 'S').source:sub(2))) .. '/?.lua;' .. package.path
local check = require('check')
local test, wait, equal = check.test, check.wait, check.equal
check.session = 'nvim-stock'
local workspace = assert(vim.env.ANIMUS_TEST_WORKSPACE)
local api = vim.api

vim.cmd('filetype on')
vim.cmd.cd(workspace)
vim.lsp.config('animus', { cmd = { assert(vim.env.ANIMUS_BIN), 'lsp' }, root_markers = { '.git' } })
vim.lsp.enable('animus')

local function path(case, name)
  return ('%s/%s/%s'):format(workspace, case, name)
end

local function call(client, command, argument)
  local answer = assert(client:request_sync('workspace/executeCommand', { command = command, arguments = { argument } }, 10000))
  assert(not answer.err, vim.inspect(answer.err))
  return answer.result
end

-- Types into the document at `position` of the edit just before Neovim applies it: the edit is stale, and Neovim does not
-- see it, or applies it all the same. It answers `applied = true` both times.
local function type_at_landing(client, position, line)
  local answers = {}
  local apply = vim.lsp.handlers['workspace/applyEdit']
  client.handlers['workspace/applyEdit'] = function(err, params, ctx)
    local change = (params.edit.documentChanges or {})[position]
    if #answers == 0 and change then
      api.nvim_buf_set_lines(vim.uri_to_bufnr(change.textDocument.uri), line, line, false, { 'typed — late' })
    end
    local answer = apply(err, params, ctx)
    table.insert(answers, answer.applied)
    return answer
  end
  return answers
end

local function stale(case, position, early)
  local menu, prices = path(case, 'menu.txt'), path(case, 'prices.txt')
  vim.cmd.edit(prices)
  vim.cmd.edit(menu)
  local client
  wait('the client', 10000, function()
    client = vim.lsp.get_clients({ name = 'animus', bufnr = 0 })[1]
    return client ~= nil and client.initialized
  end)
  if early then
    api.nvim_buf_set_lines(0, -1, -1, false, { 'typed — early' })
  end
  local before = { menu = check.buffer(menu), prices = check.buffer(prices) }
  local answers = type_at_landing(client, position, 1)
  call(client, 'animus.task.start', { prompt = 'change the menu' })
  local function expected(number, text, old, new)
    local first, last = text:find(old, 1, true)
    text = text:sub(1, first - 1) .. new .. text:sub(last + 1)
    if number ~= position then
      return text
    end
    local ending = text:find('\r\n', 1, true) and '\r\n' or '\n'
    local line = text:find('\n', 1, true)
    return text:sub(1, line) .. 'typed — late' .. ending .. text:sub(line + 1)
  end
  local wanted_menu = expected(1, before.menu, 'cappuccino\t3.00\ntea\t2.50\n', 'flat white\t3.40\ngreen tea — sencha\t2.70\nblack tea\t2.50\n')
  wanted_menu = wanted_menu:gsub('croissant\t2.20\n', 'croissant\t2.20\nbrioche 🥐\t2.40\n')
  local wanted_prices = expected(2, before.prices, 'Cards from 5.00.', 'Cards are welcome from 3.00.')
  vim.wait(60000, function()
    return check.buffer(menu) == wanted_menu and check.buffer(prices) == wanted_prices
  end, 20)
  equal({ answers = answers[1], menu = check.buffer(menu), prices = check.buffer(prices) }, { answers = true, menu = wanted_menu, prices = wanted_prices })
  -- And the server knows: it says so only of what is there.
  local newest
  wait('the patch to be called landed', 10000, function()
    newest = nil
    for _, patch in ipairs(call(client, 'animus.patch.list', vim.empty_dict()).patches) do
      newest = (not newest or patch.created >= newest.created) and patch or newest
    end
    return newest and newest.state == 'landed'
  end)
  -- It stays right: no later edit of the server's comes behind.
  vim.wait(1000, function()
    return false
  end)
  equal({ check.buffer(menu), check.buffer(prices) }, { wanted_menu, wanted_prices })
  -- And undo finds exactly what it put there.
  client.handlers['workspace/applyEdit'] = nil
  call(client, 'animus.patch.undo', { patch = newest.id })
  local function undone(number, text)
    local ending = text:find('\r\n', 1, true) and '\r\n' or '\n'
    local line = text:find('\n', 1, true)
    return number == position and text:sub(1, line) .. 'typed — late' .. ending .. text:sub(line + 1) or text
  end
  vim.wait(15000, function()
    return check.buffer(menu) == undone(1, before.menu) and check.buffer(prices) == undone(2, before.prices)
  end, 20)
  equal({ check.buffer(menu), check.buffer(prices) }, { undone(1, before.menu), undone(2, before.prices) })
end

test('a_stale_edit_of_the_first_document_is_skipped_and_made_again', function()
  stale('first', 1, true)
end)

-- Nobody changed it since it was opened: its version is 0, and Neovim takes that for no version at all.
test('a_stale_edit_of_a_fresh_first_document_is_repaired', function()
  stale('fresh', 1, false)
end)

test('a_stale_edit_of_a_later_document_is_repaired', function()
  stale('later', 2, true)
end)

-- The result of the one command of a new task, answered by `answer`.
local function asked(client, answer)
  local task = call(client, 'animus.task.start', { prompt = 'run the script' }).task
  answer()
  local result
  wait('the task to end', 20000, function()
    for _, event in ipairs(call(client, 'animus.task.replay', { task = task }).events) do
      result = event.update.type == 'toolResult' and event.update.result or result
      if event.update.type == 'finished' then
        return true
      end
    end
  end)
  return result
end

test('a_command_runs_after_a_yes_in_a_message_or_by_a_code_action_and_not_otherwise', function()
  vim.cmd.edit(path('asked', 'hello.sh'))
  local client
  wait('the client', 10000, function()
    client = vim.lsp.get_clients({ name = 'animus', bufnr = 0 })[1]
    return client ~= nil and client.initialized
  end)
  local shown, pick = {}, nil
  client.handlers['window/showMessageRequest'] = function(_, params)
    shown = params
    if not pick then
      return vim.NIL
    end
    for _, action in ipairs(params.actions) do
      if action.title == pick then
        return action
      end
    end
    error('no answer ' .. pick)
  end
  pick = 'Allow once'
  local result = asked(client, function() end)
  check.has(shown.message, 'sh asked/hello.sh')
  check.has(result.output, 'hello')
  equal(result.exitCode, 0)
  pick = 'Deny'
  result = asked(client, function() end)
  equal(result.failure.code, 'denied')
  -- The box is left alone: the action in the document answers.
  client.handlers['window/showMessageRequest'] = nil
  local select = vim.ui.select
  vim.ui.select = function() end
  result = asked(client, function()
    local uri = vim.uri_from_bufnr(0)
    local here = { start = { line = 0, character = 0 }, ['end'] = { line = 0, character = 0 } }
    local params = { textDocument = { uri = uri }, range = here, context = { diagnostics = {}, only = { 'source.animus.approve' } } }
    local action
    wait('the answers as code actions', 10000, function()
      action = (client:request_sync('textDocument/codeAction', params, 5000).result or {})[1]
      return action ~= nil
    end)
    check.has(action.title, 'Allow once: Run sh asked/hello.sh')
    call(client, action.command.command, action.command.arguments[1])
  end)
  vim.ui.select = select
  check.has(result.output, 'hello')
end)

vim.lsp.enable('animus', false)
check.finish()
