-- One session of a real Neovim with Pyright beside the built server: what the agent asks the editor.
package.path = vim.fs.dirname(vim.fs.abspath(debug.getinfo(1, 'S').source:sub(2))) .. '/?.lua;' .. package.path
local check = require('check')
local test, wait, disk, equal, has, lacks = check.test, check.wait, check.disk, check.equal, check.has, check.lacks
check.session = 'nvim-intelligence'
local workspace = assert(vim.env.ANIMUS_TEST_WORKSPACE)
local api = vim.api

local function path(name)
  return ('%s/shop/%s.py'):format(workspace, name)
end

vim.cmd('filetype on')
vim.cmd.cd(workspace)
vim.lsp.config('pyright', {
  cmd = { assert(vim.env.ANIMUS_TEST_NODE), assert(vim.env.ANIMUS_TEST_PYRIGHT), '--stdio' },
  filetypes = { 'python' },
  root_markers = { 'pyrightconfig.json' },
  settings = { python = { analysis = { diagnosticMode = 'openFilesOnly' } } },
})
vim.lsp.enable('pyright')
vim.cmd.runtime('plugin/animus.lua')
require('animus').setup({ view = false })

local events = {}
api.nvim_create_autocmd('User', {
  pattern = 'AnimusEvent',
  callback = function(call)
    local event = call.data.event
    events[event.task] = events[event.task] or {}
    table.insert(events[event.task], event.update)
  end,
})

local function find(task, kind)
  return vim.tbl_filter(function(update)
    return update.type == kind
  end, events[task] or {})
end

local client, pyright

local function run(prompt)
  local answer = assert(client:request_sync('animus/task/start', { prompt = prompt, intent = 'do' }, 10000))
  local task = assert(answer.result, vim.inspect(answer.err)).task
  wait('the end of ' .. prompt, 240000, function()
    return #find(task, 'finished') > 0
  end)
  equal(find(task, 'finished')[1].reason, 'verified')
  return task
end

test('the_other_server_is_there', function()
  vim.cmd.edit(path('price'))
  wait('both clients', 60000, function()
    client = vim.lsp.get_clients({ name = 'animus', bufnr = 0 })[1]
    pyright = vim.lsp.get_clients({ name = 'pyright', bufnr = 0 })[1]
    return client and client.initialized and pyright and pyright.initialized
  end)
  local asked = {
    textDocument = { uri = vim.uri_from_bufnr(0) },
    position = { line = 3, character = 5 },
    context = { includeDeclaration = false },
  }
  wait('the uses', 60000, function()
    local answer = pyright:request_sync('textDocument/references', asked, 5000, 0)
    return answer and answer.result and #answer.result == 3
  end)
end)

local renamed

test('a_rename_across_files_is_the_other_servers_own', function()
  api.nvim_win_set_cursor(0, { 5, 0 })
  renamed = run('rename with_tax to taxed')
  local outputs = vim.tbl_map(function(update)
    return update.result.output
  end, find(renamed, 'toolResult'))
  local by = 'by the language server of Neovim:\n'
  has(outputs[1], by .. 'shop/price.py:4-5 def with_tax')
  local lines = vim.split(outputs[2], '\n')
  equal(lines[1] .. '\n', by)
  local places = vim.tbl_map(function(line)
    return line:match('^[^:]*:%d+')
  end, vim.list_slice(lines, 2))
  -- Not the member of that name, and not the words in the comment and the text.
  equal(places, { 'shop/cart.py:1', 'shop/cart.py:5', 'shop/till.py:9' })
  has(outputs[3], 'renamed in the draft by the language server of Neovim: 4 places in 3 files')
  has(outputs[4], 'your draft adds no error\n')
end)

test('it_lands_in_all_files_and_nothing_else_has_the_name', function()
  wait('the files on disk', 30000, function()
    return disk(path('price')):find('taxed') and disk(path('cart')):find('taxed') and disk(path('till')):find('taxed')
  end)
  has(disk(path('price')), 'def taxed(')
  has(disk(path('cart')), 'from shop.price import taxed')
  has(disk(path('till')), 'price.taxed(cents)')
  local _, left = disk(path('till')):gsub('with_tax', '')
  equal(left, 3)
end)

test('an_error_that_the_draft_makes_in_another_file_is_mended_before_it_lands', function()
  local before, seen = #api.nvim_list_bufs(), {}
  local watching = api.nvim_create_autocmd('DiagnosticChanged', {
    callback = function(call)
      if vim.startswith(api.nvim_buf_get_name(call.buf), workspace) then
        vim.list_extend(seen, vim.tbl_map(function(it)
          return it.message
        end, vim.diagnostic.get(call.buf)))
      end
    end,
  })
  local task = run('make the price a text')
  api.nvim_del_autocmd(watching)
  local told = vim.tbl_filter(function(update)
    return update.text:find('errors that were not there before', 1, true)
  end, find(task, 'prompt'))
  equal(#told, 1)
  has(told[1].text, 'shop/cart.py:5: error: ')
  has(told[1].text, '(Pyright ')
  wait('the files on disk', 30000, function()
    return disk(path('cart')):find('int(taxed(cents))', 1, true) and disk(path('price')):find('-> str', 1, true)
  end)
  -- Nothing of the draft was in the user's buffers, and no buffer is left of it.
  lacks(table.concat(seen, '\n'), 'str')
  for _, bufnr in ipairs(api.nvim_list_bufs()) do
    lacks(api.nvim_buf_get_name(bufnr), '/scratch/')
  end
  assert(#api.nvim_list_bufs() <= before + 2)
  equal(#vim.lsp.get_clients({ name = 'pyright' }), 1)
end)

test('the_task_knows_what_the_person_looks_at', function()
  has(find(renamed, 'prompt')[1].text, 'The person looks at shop/price.py, line 5.')
end)

test('a_file_of_a_patch_opens_as_a_diff', function()
  local patch = find(renamed, 'patch')[1].patch.id
  local answer = client:request_sync('animus/patch/review', { patch = patch, path = 'shop/till.py' }, 10000)
  assert(answer and answer.result, vim.inspect(answer))
  wait('the diff', 10000, function()
    return #vim.tbl_filter(function(window)
      return vim.wo[window].diff
    end, api.nvim_tabpage_list_wins(0)) == 2
  end)
  local texts = vim.tbl_map(function(window)
    return table.concat(api.nvim_buf_get_lines(api.nvim_win_get_buf(window), 0, -1, false), '\n')
  end, api.nvim_tabpage_list_wins(0))
  has(texts[1], 'price.with_tax')
  has(texts[2], 'price.taxed')
end)

pyright:stop(true)
client:stop()
wait('the end of the server', 10000, function()
  return client:is_stopped()
end)
check.finish()
