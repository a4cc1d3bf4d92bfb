-- Review in a real Neovim with the built server: every step is held against buffers and disk, byte for byte.
package.path = vim.fs.dirname(vim.fs.abspath(debug.getinfo(1, 'S').source:sub(2))) .. '/?.lua;' .. package.path
local check = require('check')
local test, wait, disk, equal, has = check.test, check.wait, check.disk, check.equal, check.has
check.session = 'nvim-review'
local workspace = assert(vim.env.ANIMUS_TEST_WORKSPACE)
local api = vim.api

vim.cmd('filetype on')
vim.cmd.cd(workspace)
vim.g.maplocalleader = ','
vim.g.animus_keymaps = true
vim.cmd.runtime('plugin/animus.lua')
require('animus').setup({ view = false })

local animus = require('animus')
local tasks = require('animus.tasks')

local function path(case, name)
  return ('%s/%s/%s'):format(workspace, case, name)
end

local function swap(text, old, new)
  local first, last = text:find(old, 1, true)
  assert(first, ('%q is not in: %s'):format(old, text))
  return text:sub(1, first - 1) .. new .. text:sub(last + 1)
end

-- What each hunk makes of a text.
local hunks = {
  function(text)
    return swap(text, 'cappuccino\t3.00\ntea\t2.50\n', 'flat white\t3.40\ngreen tea — sencha\t2.70\nblack tea\t2.50\n')
  end,
  function(text)
    return swap(text, 'croissant\t2.20\n', 'croissant\t2.20\nbrioche 🥐\t2.40\n')
  end,
  function(text)
    return swap(text, 'Cards from 5.00.', 'Cards are welcome from 3.00.')
  end,
}

-- The newest view of a patch.
local function view(patch)
  return tasks.patches[patch] or {}
end

local function states(patch)
  local found = {}
  for _, file in ipairs(view(patch).files or {}) do
    for _, hunk in ipairs(file.hunks) do
      table.insert(found, hunk.state)
    end
  end
  return found
end

local function wait_states(patch, ...)
  local wanted = { ... }
  local ok = vim.wait(10000, function()
    return vim.deep_equal(states(patch), wanted)
  end, 20)
  assert(ok, ('wanted %s, have %s'):format(vim.inspect(wanted), vim.inspect(view(patch))))
end

-- Asks for the next patch of the script and waits until it is proposed.
local asked = {}
local function propose()
  vim.cmd('Animus ask change the menu')
  local patch
  wait('the proposal', 60000, function()
    for id, candidate in pairs(tasks.patches) do
      if candidate.state == 'proposed' and not asked[id] then
        patch = id
      end
    end
    return patch ~= nil
  end)
  asked[patch] = true
  return patch
end

-- The hunks that a buffer shows, as `number:state:first:lines`.
local function shown(file)
  return vim.tbl_map(function(item)
    return ('%d:%s:%d:%d'):format(item.number, item.state, item.live.start, item.live.lines)
  end, animus.hunks(vim.fn.bufnr(file)))
end

local function wait_shown(file, ...)
  local wanted = { ... }
  local ok = vim.wait(10000, function()
    return vim.deep_equal(shown(file), wanted)
  end, 20)
  assert(ok, ('wanted %s, shown %s'):format(vim.inspect(wanted), vim.inspect(shown(file))))
end

-- The extmarks of a buffer: what a person sees of the hunks.
local function marks(file)
  local seen = { removed = {}, added = {}, labels = {}, signs = {} }
  local namespace = api.nvim_get_namespaces()['animus.review']
  for _, mark in ipairs(api.nvim_buf_get_extmarks(vim.fn.bufnr(file), namespace, 0, -1, { details = true })) do
    local row, details = mark[2], mark[4]
    if details.hl_group == 'AnimusRemoved' then
      for line = row + 1, details.end_row do
        table.insert(seen.removed, line)
      end
    end
    for _, line in ipairs(details.virt_lines or {}) do
      table.insert(seen.added, ('%d %s'):format(row + (details.virt_lines_above and 0 or 1), vim.trim(line[1][1])))
    end
    if details.virt_text then
      table.insert(seen.labels, ('%d%s'):format(row + 1, details.virt_text[1][1]:gsub(' ·.*', '')))
    end
    if details.sign_text then
      table.insert(seen.signs, vim.trim(details.sign_text))
    end
  end
  return seen
end

-- What a buffer and the disk hold.
local function holds(file, buffer, on_disk)
  local ok = vim.wait(5000, function()
    return check.buffer(file) == buffer and disk(file) == on_disk
  end, 20)
  if not ok then
    equal({ buffer = check.buffer(file), disk = disk(file) }, { buffer = buffer, disk = on_disk })
  end
end

local function go_to(file, line)
  vim.cmd.edit(file)
  api.nvim_win_set_cursor(0, { line, 0 })
end

test('hunks_at_one_place_share_its_label_and_bars_end_where_hunks_do', function()
  vim.cmd.enew()
  api.nvim_buf_set_lines(0, 0, -1, false, { 'one', 'two', 'three' })
  local function item(patch, state)
    local live = { start = 1, lines = 1 }
    return { patch = patch, title = patch, path = 'a', hunk = 0, number = 1, of = 2, state = state, text = 'x\n', live = live, faint = true }
  end
  local draw, namespace = require('animus.review.draw'), api.nvim_get_namespaces()['animus.review']
  draw.show(api.nvim_get_current_buf(), { item('first', 'pending'), item('second', 'pending'), item('third', 'accepted') })
  local labels, bars = {}, {}
  for _, mark in ipairs(api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })) do
    if mark[4].virt_text then
      table.insert(labels, mark[4].virt_text[1][1])
    elseif mark[4].sign_text == '▏ ' or mark[4].sign_text == '▏' then
      table.insert(bars, { mark[2], mark[4].end_row })
    end
  end
  equal(labels, { ' hunk 1/2 · first  hunk 1/2 · second ' })
  equal(bars, { { 0, 0 } })
  vim.cmd('bwipeout!')
end)

local menu_0, prices_0

test('hunks_are_shown_inline', function()
  local menu, prices = path('show', 'menu.txt'), path('show', 'prices.txt')
  menu_0, prices_0 = disk(menu), disk(prices)
  vim.cmd.edit(menu)
  wait('the client', 10000, function()
    local client = vim.lsp.get_clients({ name = 'animus', bufnr = 0 })[1]
    return client ~= nil and client.initialized
  end)
  api.nvim_win_set_cursor(0, { 7, 3 })
  local patch = propose()
  wait_states(patch, 'pending', 'pending', 'pending')
  wait_shown(menu, '1:pending:3:2', '2:pending:12:0')
  local seen = marks(menu)
  equal(seen.removed, { 3, 4 })
  equal(seen.added, { '4 flat white      3.40', '4 green tea — sencha      2.70', '4 black tea       2.50', '11 brioche 🥐      2.40' })
  equal(seen.labels, { '3 hunk 1/3', '12 hunk 2/3' })
  equal(seen.signs, { '~', '+' })
  -- Nothing is in the text, and the cursor stays.
  equal({ check.buffer(menu), disk(menu) }, { menu_0, menu_0 })
  equal(api.nvim_win_get_cursor(0), { 7, 3 })
  equal(vim.bo.modified, false)
  has(vim.fn.maparg(']h', 'n'), 'animus-next')
end)

test('show_accept_type_refuse_accept_undo', function()
  local menu, prices = path('show', 'menu.txt'), path('show', 'prices.txt')
  local patch = next(asked)
  -- Accept the first.
  api.nvim_win_set_cursor(0, { 1, 0 })
  vim.cmd('Animus next')
  equal(api.nvim_win_get_cursor(0), { 3, 0 })
  vim.cmd('Animus accept')
  wait_states(patch, 'accepted', 'pending', 'pending')
  local menu_1 = hunks[1](menu_0)
  holds(menu, menu_1, menu_1)
  wait_shown(menu, '1:accepted:3:3', '2:pending:13:0')
  equal(disk(prices), prices_0)
  -- Type above the second. What is typed is nobody's to save.
  api.nvim_buf_set_lines(0, 8, 8, false, { 'typed — above' })
  local menu_2 = swap(menu_1, 'sparkling water', 'typed — above\nsparkling water')
  holds(menu, menu_2, menu_1)
  -- The mark moves at once, and the server agrees.
  equal(shown(menu), { '1:accepted:3:3', '2:pending:14:0' })
  wait_shown(menu, '1:accepted:3:3', '2:pending:14:0')
  -- Refuse the second.
  vim.cmd('Animus next')
  equal(api.nvim_win_get_cursor(0), { 14, 0 })
  vim.cmd('Animus refuse')
  wait_states(patch, 'accepted', 'refused', 'pending')
  wait_shown(menu, '1:accepted:3:3')
  holds(menu, menu_2, menu_1)
  -- Accept the third: `next` goes to the other file.
  vim.cmd('Animus next')
  equal(api.nvim_buf_get_name(0), prices)
  wait_shown(prices, '3:pending:3:1')
  equal(api.nvim_win_get_cursor(0), { 3, 0 })
  vim.cmd('Animus accept')
  wait_states(patch, 'accepted', 'refused', 'accepted')
  local prices_1 = hunks[3](prices_0)
  holds(prices, prices_1, prices_1)
  holds(menu, menu_2, menu_1)
  equal(view(patch).state, 'landed')
  -- Undo the first.
  go_to(menu, 4)
  wait_shown(menu, '1:accepted:3:3')
  vim.cmd('Animus undo')
  wait_states(patch, 'undone', 'refused', 'accepted')
  local menu_3 = swap(menu_0, 'sparkling water', 'typed — above\nsparkling water')
  holds(menu, menu_3, menu_1)
  holds(prices, prices_1, prices_1)
  equal(vim.bo.modified, true)
  -- Saving is the user's.
  vim.cmd('silent write')
  holds(menu, menu_3, menu_3)
  equal(marks(menu), { removed = {}, added = {}, labels = {}, signs = {} })
  wait('the keys to go', 5000, function()
    return vim.fn.maparg(']h', 'n') == ''
  end)
end)

test('any_order_with_typing_between', function()
  local menu, prices = path('order', 'menu.txt'), path('order', 'prices.txt')
  vim.cmd.edit(menu)
  local patch = propose()
  wait_shown(menu, '1:pending:3:2', '2:pending:12:0')
  go_to(prices, 3)
  wait_shown(prices, '3:pending:3:1')
  vim.cmd('Animus accept')
  wait_states(patch, 'pending', 'pending', 'accepted')
  holds(prices, hunks[3](prices_0), hunks[3](prices_0))
  -- Typed at once before each decision, in the same buffer.
  go_to(menu, 12)
  wait_shown(menu, '1:pending:3:2', '2:pending:12:0')
  api.nvim_buf_set_lines(0, 0, 0, false, { 'é one', 'é two' })
  api.nvim_win_set_cursor(0, { 14, 0 })
  vim.cmd('Animus accept')
  wait_states(patch, 'pending', 'accepted', 'accepted')
  local text = 'é one\né two\n' .. hunks[2](menu_0)
  holds(menu, text, menu_0)
  api.nvim_buf_set_lines(0, -1, -1, false, { 'the end' })
  api.nvim_win_set_cursor(0, { 6, 0 })
  vim.cmd('Animus accept')
  wait_states(patch, 'accepted', 'accepted', 'accepted')
  text = 'é one\né two\n' .. hunks[1](hunks[2](menu_0)) .. 'the end\n'
  holds(menu, text, menu_0)
  -- The whole patch is taken back; what was typed is kept.
  vim.cmd('Animus undo ' .. patch)
  wait_states(patch, 'undone', 'undone', 'undone')
  holds(menu, 'é one\né two\n' .. menu_0 .. 'the end\n', menu_0)
  holds(prices, prices_0, prices_0)
  vim.cmd('silent write')
  holds(menu, 'é one\né two\n' .. menu_0 .. 'the end\n', 'é one\né two\n' .. menu_0 .. 'the end\n')
end)

test('decisions_amid_typing_lose_nothing', function()
  local menu, prices = path('typing', 'menu.txt'), path('typing', 'prices.txt')
  vim.cmd.edit(prices)
  vim.cmd.edit(menu)
  local patch = propose()
  wait_shown(menu, '1:pending:3:2', '2:pending:12:0')
  -- A line comes in every few milliseconds, above all hunks and below them in turn, in both files.
  local typed, typist = 0, assert(vim.uv.new_timer())
  local above, below = {}, {}
  typist:start(0, 15, vim.schedule_wrap(function()
    if typed < 120 then
      typed = typed + 1
      local line = ('typed — %d'):format(typed)
      local bufnr = vim.fn.bufnr(menu)
      if typed % 2 == 0 then
        api.nvim_buf_set_lines(bufnr, 1, 1, false, { line })
        table.insert(above, 1, line .. '\n')
      else
        api.nvim_buf_set_lines(bufnr, -1, -1, false, { line })
        table.insert(below, line .. '\n')
      end
    end
  end))
  local function decide(number, word, ...)
    wait('hunk ' .. number, 5000, function()
      return vim.iter(animus.hunks(vim.fn.bufnr(menu))):any(function(item)
        if item.number == number then
          api.nvim_win_set_cursor(0, { item.live.start, 0 })
          vim.cmd('Animus ' .. word)
          return true
        end
      end)
    end)
    wait_states(patch, ...)
  end
  decide(2, 'accept', 'pending', 'accepted', 'pending')
  decide(1, 'accept', 'accepted', 'accepted', 'pending')
  decide(2, 'undo', 'accepted', 'undone', 'pending')
  wait('the typing to end', 10000, function()
    return typed == 120
  end)
  typist:close()
  local text = swap(hunks[1](menu_0), 'espresso\t2.00\n', table.concat(above) .. 'espresso\t2.00\n') .. table.concat(below)
  holds(menu, text, menu_0)
  vim.cmd('Animus accept_all')
  wait_states(patch, 'accepted', 'undone', 'accepted')
  holds(prices, hunks[3](prices_0), hunks[3](prices_0))
  holds(menu, text, menu_0)
  vim.cmd('silent write')
end)

test('a_hunk_is_edited_before_it_lands', function()
  local menu = path('edit', 'menu.txt')
  vim.cmd.edit(menu)
  local patch = propose()
  wait_shown(menu, '1:pending:3:2', '2:pending:12:0')
  api.nvim_win_set_cursor(0, { 4, 0 })
  vim.cmd('Animus edit')
  equal(api.nvim_buf_get_lines(0, 0, -1, false), { 'flat white\t3.40', 'green tea — sencha\t2.70', 'black tea\t2.50' })
  equal(vim.bo.buftype, 'acwrite')
  api.nvim_buf_set_lines(0, 1, 2, false, { 'mint tea — fresh\t2.90' })
  vim.cmd('wq')
  equal(api.nvim_buf_get_name(0), menu)
  wait_states(patch, 'accepted', 'pending', 'pending')
  local text = swap(hunks[1](menu_0), 'green tea — sencha\t2.70', 'mint tea — fresh\t2.90')
  holds(menu, text, text)
  equal(view(patch).files[1].hunks[1].edited, true)
  vim.cmd('Animus refuse_all')
  wait('the end of the patch', 10000, function()
    return view(patch).state ~= 'proposed'
  end)
end)

test('a_second_window_decides_too', function()
  local menu, prices = path('window', 'menu.txt'), path('window', 'prices.txt')
  vim.cmd.edit(menu)
  local patch = propose()
  wait_shown(menu, '1:pending:3:2', '2:pending:12:0')
  -- Another Neovim with a server of its own accepts the first hunk and refuses the third.
  local folder = vim.fs.dirname(vim.fs.abspath(debug.getinfo(1, 'S').source:sub(2)))
  local other = vim.system({
    vim.v.progpath, '--headless', '--clean', '--cmd', 'set runtimepath^=' .. vim.fs.dirname(folder), '-l', folder .. '/second.lua', menu, prices,
  }, { env = { ANIMUS_TEST_PATCH = patch } }):wait(60000)
  equal({ code = other.code, said = other.code == 0 and '' or other.stderr }, { code = 0, said = '' })
  local menu_1 = hunks[1](menu_0)
  equal(disk(menu), menu_1)
  api.nvim_exec_autocmds('FocusGained', {})
  wait_states(patch, 'accepted', 'pending', 'refused')
  holds(menu, menu_1, menu_1)
  wait_shown(menu, '1:accepted:3:3', '2:pending:13:0')
  -- What was decided there is not decided again here.
  api.nvim_win_set_cursor(0, { 13, 0 })
  vim.cmd('Animus accept_all')
  wait_states(patch, 'accepted', 'accepted', 'refused')
  holds(menu, hunks[2](menu_1), hunks[2](menu_1))
  equal(disk(prices), prices_0)
end)

test('files_that_come_and_go_are_decided_in_the_document', function()
  local new, old = path('files', 'new.txt'), path('files', 'old.txt')
  vim.cmd.edit(old)
  local patch = propose()
  vim.cmd('Animus review')
  local document = vim.fn.bufnr('animus://review/' .. patch)
  equal(api.nvim_get_current_buf(), document)
  local text = table.concat(api.nvim_buf_get_lines(document, 0, -1, false), '\n')
  has(text, '+Open from eight.')
  has(text, 'hunk 1/2 pending')
  vim.fn.search('^+Open from eight')
  vim.cmd('normal a')
  wait_states(patch, 'accepted', 'pending')
  wait('the new file', 5000, function()
    return vim.uv.fs_stat(new) and disk(new) == 'Open from eight.\nClosed on Mondays.\n'
  end)
  equal(disk(old), 'Open from nine.\n')
  wait('the document to say so', 5000, function()
    return table.concat(api.nvim_buf_get_lines(document, 0, -1, false), '\n'):find('hunk 1/2 accepted', 1, true)
  end)
  vim.fn.search('hunk 2/2')
  vim.cmd('normal r')
  wait_states(patch, 'accepted', 'refused')
  equal(disk(old), 'Open from nine.\n')
  vim.cmd('close')
end)

test('a_file_and_the_whole_patch_are_decided_at_once', function()
  local menu, prices = path('whole', 'menu.txt'), path('whole', 'prices.txt')
  vim.cmd.edit(menu)
  local patch = propose()
  wait_shown(menu, '1:pending:3:2', '2:pending:12:0')
  -- Under another name it is another file.
  vim.cmd('silent saveas ' .. path('whole', 'copy.txt'))
  equal(shown(path('whole', 'copy.txt')), {})
  vim.cmd('bwipeout')
  vim.cmd.edit(menu)
  wait_shown(menu, '1:pending:3:2', '2:pending:12:0')
  vim.cmd('Animus accept_file')
  wait_states(patch, 'accepted', 'accepted', 'pending')
  holds(menu, hunks[2](hunks[1](menu_0)), hunks[2](hunks[1](menu_0)))
  equal(disk(prices), prices_0)
  vim.cmd('Animus accept_all')
  wait_states(patch, 'accepted', 'accepted', 'accepted')
  holds(prices, hunks[3](prices_0), hunks[3](prices_0))
end)

-- The last one: the script starts again with the server.
test('decisions_outlive_the_server', function()
  local menu, prices = path('reload', 'menu.txt'), path('reload', 'prices.txt')
  vim.cmd.edit(menu)
  local patch = propose()
  wait_shown(menu, '1:pending:3:2', '2:pending:12:0')
  api.nvim_win_set_cursor(0, { 3, 0 })
  vim.cmd('Animus accept')
  wait_states(patch, 'accepted', 'pending', 'pending')
  local menu_1 = hunks[1](menu_0)
  holds(menu, menu_1, menu_1)
  -- The server ends and starts again, and the buffer is read again.
  local old = vim.lsp.get_clients({ name = 'animus', bufnr = 0 })[1]
  old:stop()
  wait('the end of the server', 5000, function()
    return old:is_stopped() and #shown(menu) == 0
  end)
  tasks.patches[patch] = nil
  api.nvim_buf_set_lines(0, 0, 0, false, { 'typed while no server ran' })
  vim.cmd('doautocmd nvim.lsp.enable FileType')
  wait_states(patch, 'accepted', 'pending', 'pending')
  wait_shown(menu, '1:accepted:4:3', '2:pending:14:0')
  api.nvim_win_set_cursor(0, { 14, 0 })
  vim.cmd('Animus accept')
  wait_states(patch, 'accepted', 'accepted', 'pending')
  local text = 'typed while no server ran\n' .. hunks[2](menu_1)
  holds(menu, text, menu_1)
  vim.cmd('silent write')
  vim.cmd('edit!')
  wait_shown(menu, '1:accepted:4:3', '2:accepted:14:1')
  go_to(menu, 5)
  vim.cmd('Animus undo')
  wait_states(patch, 'undone', 'accepted', 'pending')
  text = 'typed while no server ran\n' .. hunks[2](menu_0)
  holds(menu, text, text)
  go_to(prices, 3)
  wait_shown(prices, '3:pending:3:1')
  vim.cmd('Animus accept')
  wait_states(patch, 'undone', 'accepted', 'accepted')
  holds(prices, hunks[3](prices_0), hunks[3](prices_0))
end)

vim.lsp.enable('animus', false)
check.finish()
