-- A day with Animus in a real Neovim in a terminal: installed as a user would, and driven by the keys that a person types.
local here = vim.fs.dirname(vim.fs.abspath(debug.getinfo(1, 'S').source:sub(2)))
package.path = here .. '/?.lua;' .. package.path
local check, screen = require('check'), require('screen')
local equal, disk, has = check.equal, check.disk, check.has
check.session = 'nvim-use'
local workspace = assert(vim.env.ANIMUS_TEST_WORKSPACE)
local lib_path, price_path = workspace .. '/src/lib.rs', workspace .. '/src/price.rs'
local original = { disk(lib_path), disk(price_path) }

vim.cmd.cd(workspace)

local init = [[
vim.g.maplocalleader = ','
vim.o.statusline = '%f %{%v:lua.require("animus").statusline()%}'
vim.api.nvim_create_autocmd('User', { pattern = 'AnimusStatus', command = 'redrawstatus' })
require('animus').setup({ keymaps = true, hieght = 20, config = { agent = { approval_timeout_seconds = 95 } } })
vim.keymap.set({ 'n', 'x' }, ',a', '<Plug>(animus-ask)')
]]

-- Each step begins where the one before ended.
local function test(name, run)
  check.test(name, run)
  if check.failures > 0 then
    screen.stop()
    check.finish()
  end
end

local function buffer(path)
  return screen.ask(('return table.concat(vim.api.nvim_buf_get_lines(vim.fn.bufnr(%q), 0, -1, false), "\\n") .. "\\n"'):format(path))
end

-- The prompt is off the screen and Neovim is in normal mode.
local function calm()
  screen.type('<CR>')
  screen.becomes('normal mode', 'return not vim.api.nvim_get_mode().blocking')
end

test('it_is_installed_and_attaches', function()
  screen.start(vim.fs.dirname(here), init, lib_path)
  screen.shows('pub fn total', 'Animus idle', 'script/demo', 'no option hieght; did you mean height?')
  screen.becomes('the client', 'return #vim.lsp.get_clients({ name = "animus", bufnr = 0 }) == 1')
end)

test('a_wrong_word_is_answered_with_the_right_one', function()
  screen.type(':Animus aprove<CR>')
  screen.shows('no command aprove; did you mean approve?')
end)

test('help_opens_where_it_says', function()
  screen.type(':silent! helptags ALL | help animus-view<CR>')
  screen.shows('The view never takes the cursor by itself.')
  screen.type(':q<CR>')
  screen.lacks('The view never takes')
end)

test('a_selection_is_asked_about_and_the_work_streams_in', function()
  screen.type('5GV6j,a')
  screen.shows('Ask agent to:')
  -- What follows is typed into the file while the agent works.
  screen.type('make total an iterator chain<CR>Go// typed by')
  screen.shows('-- INSERT --', '// typed by', '[1/3] Look at the shop', 'a approve  r review', 'cost unknown')
  equal(screen.ask('return vim.api.nvim_buf_get_name(0)'), lib_path)
end)

test('typing_goes_on_while_the_agent_asks', function()
  screen.shows('Animus asks', 'asks: Run sh tools/check.sh (a answers)', '-- INSERT --')
  has(screen.ask('return vim.fn.execute("messages")'), 'the agent asks: Run sh tools/check.sh (:Animus approve)')
  screen.type(' hand')
  screen.shows('// typed by hand')
  check.lacks(screen.text(), 'Allow once')
end)

test('a_question_shows_what_and_how_far_and_a_no_comes_first', function()
  screen.type('<Esc>')
  screen.shows('Run sh tools/check.sh', '1: Deny', '2: Deny for this session', '3: Allow once', 'for this session', 'is a no')
  -- Closed, it stays open.
  screen.type('<CR>')
  screen.shows('the question stays open')
  calm()
  equal(screen.ask('return require("animus.approvals").count()'), 1)
  has(buffer(lib_path), '// typed by hand\n')
end)

test('the_agent_is_steered_while_it_waits', function()
  screen.type(':Animus steer keep it short<CR>')
  screen.shows('the agent reads it before its next turn')
end)

test('the_question_is_opened_again_and_answered_for_the_session', function()
  screen.type(':Animus approve<CR>')
  screen.shows('4: Allow')
  screen.type('4<CR>')
  screen.shows('answer: allowed, session')
  equal(screen.ask('return require("animus.approvals").count()'), 0)
end)

test('the_task_ends_verified_with_steps_tests_and_tokens', function()
  screen.becomes('the end', 'local t = require("animus.tasks"); return t.folds[t.latest].finished == "verified"')
  calm()
  screen.shows('verified', 'cost unknown', ' in, ', ' out')
  local head = screen.ask('return vim.api.nvim_buf_get_lines(vim.fn.bufnr("animus://task"), 0, 5, false)')
  equal(head[1], '# make total an iterator chain')
  has(head[2], 'script/demo (scripted)')
  has(head[2], 'cost unknown · tests passed: 1 passed')
  equal(vim.list_slice(head, 3), { '[x] Look at the shop', '[x] Make total an iterator chain', '[x] Call the price by a shorter name' })
  local text = screen.ask('return table.concat(vim.api.nvim_buf_get_lines(vim.fn.bufnr("animus://task"), 0, -1, false), "\\n")')
  has(text, '[>] Look at the shop')
  has(text, 'you: keep it short')
  has(text, 'every price is checked')
  has(text, '- warning: the remainder of the tax is cut off (src/price.rs:5)')
  -- What is long is folded, what is short is not.
  equal(screen.ask([[
    local closed = {}
    local window = vim.fn.win_findbuf(vim.fn.bufnr('animus://task'))[1]
    vim.api.nvim_win_call(window, function()
      for line = 1, vim.fn.line('$') do
        if vim.fn.foldclosed(line) == line then
          table.insert(closed, vim.fn.foldclosedend(line) - line + 1 > 3)
        end
      end
    end)
    return { #closed > 0, not vim.tbl_contains(closed, false) }
  ]]), { true, true })
end)

test('findings_are_a_quickfix_list', function()
  screen.type(':Animus findings<CR>')
  screen.shows('critic: the remainder of the tax is cut off')
  screen.type(':cfirst<CR>')
  screen.becomes('the place', 'return vim.api.nvim_buf_get_name(0):match("src/price.rs$") ~= nil and vim.fn.line(".") == 5')
  local list = screen.ask('local l = vim.fn.getqflist({ title = 0, items = 0 }); return { l.title, #l.items, l.items[1].type }')
  equal(list, { 'Animus: make total an iterator chain', 1, 'W' })
  screen.type(':cclose<CR>')
end)

test('hunks_are_decided_by_keys', function()
  screen.type(':e src/lib.rs<CR>gg]h')
  screen.shows('hunk 1/2', 'prices.iter().map(|cents| price::taxed(*cents)).sum()')
  screen.type(',ha')
  screen.becomes('the accepted hunk', ('return not table.concat(vim.api.nvim_buf_get_lines(vim.fn.bufnr(%q), 0, -1, false)):find("let mut sum")'):format(lib_path))
  has(buffer(lib_path), '// typed by hand\n')
  -- The user's own text is not saved for him.
  equal(disk(lib_path), original[1])
  screen.type(']h')
  screen.shows('hunk 2/2')
  screen.type(',hr')
  screen.becomes('the decided patch', 'local t = require("animus.tasks"); return t.patches[t.folds[t.latest].patch].state == "landed"')
  equal(disk(price_path), original[2])
end)

test('undo_takes_the_hunk_back_and_keeps_what_was_typed', function()
  screen.type(':e src/lib.rs<CR>:Animus undo<CR>')
  screen.becomes('the undone patch', 'local t = require("animus.tasks"); return t.patches[t.folds[t.latest].patch].state == "undone"')
  equal(buffer(lib_path), original[1] .. '// typed by hand\n')
  screen.type(':silent write<CR>')
  screen.becomes('the file', 'return not vim.bo.modified')
end)

test('a_task_is_cancelled_by_a_key_of_the_view', function()
  screen.type(':Animus ask never end<CR>')
  screen.shows('act · never end')
  -- The view is shown and left, and opened again with the cursor in it.
  screen.type(':Animus view<CR>')
  screen.lacks('· never end')
  screen.type(':Animus view<CR>')
  screen.shows('act · never end', 'This answer')
  screen.becomes('the view to have the cursor', 'return vim.bo.filetype == "animus"')
  screen.type('c')
  screen.shows('cancelled · never end', 'Animus cancelled')
  screen.type('q')
  screen.lacks('· never end')
end)

test('failing_tests_are_findings_with_their_places', function()
  screen.type(':e src/price.rs<CR>:1,4Animus refactor<CR>')
  screen.becomes('the end', 'local t = require("animus.tasks"); return t.folds[t.latest].finished == "test_failed"')
  screen.type(':Animus findings<CR>')
  screen.shows('test tests::totals fails since this patch')
  local item = screen.ask('local i = vim.fn.getqflist()[1]; return { vim.fn.bufname(i.bufnr):match("src/.*"), i.lnum, i.type, i.valid }')
  equal(item, { 'src/lib.rs', 17, 'E', 1 })
  screen.type(':cclose<CR>')
end)

test('restart_gives_a_new_server', function()
  local old = screen.ask('return vim.lsp.get_clients({ name = "animus", bufnr = 0 })[1].id')
  screen.type(':Animus restart<CR>')
  screen.becomes('the new server', ('local c = vim.lsp.get_clients({ name = "animus" }); return #c == 1 and c[1].id ~= %d and c[1].initialized == true'):format(old))
end)

test('the_config_of_setup_reaches_the_server', function()
  local config = screen.ask([[
    local client = vim.lsp.get_clients({ name = 'animus' })[1]
    return client:request_sync('animus/config/effective', vim.empty_dict(), 10000).result
  ]])
  equal(config.agent.approval_timeout_seconds, 95)
end)

test('checkhealth_finds_nothing_wrong', function()
  screen.type(':checkhealth animus<CR>')
  screen.becomes('the report', 'return vim.bo.filetype == "checkhealth"')
  local text = screen.ask('return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\\n")')
  for _, part in ipairs({ 'OK Neovim', 'OK protocol 1', 'sandbox:', 'coder: script/demo', 'WARNING setup: no option hieght' }) do
    has(text, part)
  end
  check.lacks(text, 'ERROR')
end)

-- The script begins again with the server: its first task soon asks.
test('a_server_that_dies_is_told_of_and_leaves_no_task_running', function()
  screen.type(':silent bdelete! | e src/lib.rs<CR>:Animus ask make total an iterator chain<CR>')
  screen.shows('1: Deny')
  screen.type('<CR>')
  screen.shows('the question stays open')
  calm()
  screen.ask([[
    for name in vim.fs.dir('/proc') do
      local file = name:match('^%d+$') and io.open('/proc/' .. name .. '/stat')
      local parent = file and tonumber(file:read('*a'):match('^%d+ %(.*%) %S (%d+)'))
      if parent == vim.fn.getpid() and vim.fn.readfile('/proc/' .. name .. '/cmdline')[1]:find(vim.env.ANIMUS_BIN, 1, true) then
        vim.uv.kill(tonumber(name), 9)
      end
    end
  ]])
  -- Neovim says something of its own too.
  screen.shows('quit with exit code', 'the server ended; :Animus restart')
  calm()
  screen.becomes('the loss', 'local t = require("animus.tasks"); return t.ended and t.folds[t.latest].finished == "lost"')
  has(screen.ask('return vim.fn.execute("messages")'), 'Animus: the server ended; :Animus restart')
  equal(screen.ask('local s = require("animus.status").now(); return { s.state, s.running, s.approvals }'), { 'ended', 0, 0 })
  has(screen.ask('return table.concat(vim.api.nvim_buf_get_lines(vim.fn.bufnr("animus://task/" .. require("animus.tasks").latest), 0, -1, false), "\\n")'), 'lost: the server ended')
  -- What is asked for now is told the same, and nobody steers what is gone.
  local said = screen.ask([[
    local words, notify = {}, vim.notify
    vim.notify = function(message)
      table.insert(words, message)
    end
    require('animus').cancel()
    require('animus').steer('on')
    vim.notify = notify
    return table.concat(words, '\n')
  ]])
  has(said, 'Animus: the server ended; :Animus restart')
  has(said, 'Animus: no task is running')
  screen.type(':Animus restart<CR>')
  screen.becomes('the new server', 'local c = vim.lsp.get_clients({ name = "animus" }); return #c == 1 and c[1].initialized == true and not require("animus.tasks").ended')
end)

test('what_another_process_does_is_told_and_takes_nothing_over', function()
  calm()
  local other = vim.system({ vim.env.ANIMUS_BIN, 'run', '--here', 'make total an iterator chain' }, { cwd = workspace })
  screen.shows('another window works on: make total an iterator chain (:Animus view)')
  calm()
  equal(screen.ask('return #vim.fn.win_findbuf(vim.fn.bufnr("animus://task/" .. require("animus.tasks").latest))'), 0)
  other:kill('sigterm')
  other:wait()
end)

test('neovim_ends_when_told', function()
  equal(screen.stop(), 0)
end)

check.finish()
