-- One session of a real Neovim with the built server: `cargo xtask test` prepares the workspace and starts this.
package.path = vim.fs.dirname(vim.fs.abspath(debug.getinfo(1, 'S').source:sub(2))) .. '/?.lua;' .. package.path
local check = require('check')
local test, wait, disk, equal, has, lacks, children = check.test, check.wait, check.disk, check.equal, check.has, check.lacks, check.children
local workspace = assert(vim.env.ANIMUS_TEST_WORKSPACE)
local lib_path, price_path = workspace .. '/src/lib.rs', workspace .. '/src/price.rs'

local function server_pid()
  for _, pid in ipairs(children(vim.fn.getpid())) do
    if disk(('/proc/%d/cmdline'):format(pid)):find(vim.env.ANIMUS_BIN, 1, true) then
      return pid
    end
  end
  error('the server does not run as a child of Neovim')
end

vim.cmd('filetype on')
vim.cmd.cd(workspace)
vim.cmd.runtime('plugin/animus.lua')
require('animus').setup()

local tasks = require('animus.tasks')

-- What the server sent, and what we answered.
local events, patches, edits = {}, {}, {}
vim.api.nvim_create_autocmd('User', {
  pattern = 'AnimusEvent',
  callback = function(call)
    local event = call.data.event
    events[event.task] = events[event.task] or {}
    table.insert(events[event.task], event)
  end,
})
vim.api.nvim_create_autocmd('User', {
  pattern = 'AnimusPatch',
  callback = function(call)
    table.insert(patches, call.data.patch)
  end,
})

local function newest_task(count)
  wait('task ' .. count, 5000, function()
    return #vim.tbl_keys(events) == count
  end)
  return tasks.latest
end

local function find(task, kind)
  return vim.tbl_filter(function(event)
    return event.update.type == kind
  end, events[task] or {})
end

local function finished(task)
  return find(task, 'finished')[1]
end

local function check_stream(task, reason)
  for index, event in ipairs(events[task]) do
    equal(event.seq, index - 1)
  end
  local ends = find(task, 'finished')
  equal(#ends, 1)
  equal(events[task][#events[task]].update.type, 'finished')
  equal({ reason = ends[1].update.reason }, { reason = reason })
end

local buffer_text = check.buffer

-- The latest state of a task's patch.
local function newest_state(task)
  for index = #patches, 1, -1 do
    if patches[index].task == task and patches[index].kind == 'change' then
      return patches[index].state
    end
  end
end

local original = disk(lib_path)
local original_price = disk(price_path)
local client

test('attaches_and_negotiates', function()
  vim.cmd.edit(lib_path)
  wait('the client', 10000, function()
    client = vim.lsp.get_clients({ name = 'animus', bufnr = 0 })[1]
    return client ~= nil and client.initialized
  end)
  equal(client.server_capabilities.experimental.animus.protocol, 1)
  local apply = client.handlers['workspace/applyEdit']
  client.handlers['workspace/applyEdit'] = function(err, params, ctx)
    local answer = apply(err, params, ctx)
    table.insert(edits, { params = params, answer = answer })
    return answer
  end
end)

test('commands_complete_and_status_tells_the_model', function()
  equal(vim.fn.getcompletion('Animus ', 'cmdline'), {
    'accept',
    'accept_all',
    'accept_file',
    'approve',
    'ask',
    'cancel',
    'document',
    'edit',
    'explain',
    'findings',
    'fix',
    'log',
    'next',
    'prev',
    'refactor',
    'refuse',
    'refuse_all',
    'refuse_file',
    'restart',
    'resume',
    'review',
    'status',
    'steer',
    'tasks',
    'tests',
    'undo',
    'view',
  })
  equal(vim.fn.getcompletion('Animus st', 'cmdline'), { 'status', 'steer' })
  local said
  local notify = vim.notify
  vim.notify = function(message)
    said = message
  end
  vim.cmd('Animus status')
  wait('the status', 5000, function()
    return said ~= nil
  end)
  vim.notify = notify
  has(said, 'coder: script/demo (scripted)')
end)

test('a_name_that_nobody_was_told_is_no_context', function()
  local animus, sent = require('animus'), {}
  local request = animus.request
  animus.request = function(_, params)
    table.insert(sent, params.context or 'none')
  end
  vim.cmd.edit(workspace .. '/src/unwritten.rs')
  wait('the client', 10000, function()
    return #vim.lsp.get_clients({ name = 'animus', bufnr = 0 }) == 1
  end)
  animus.ask('write it')
  vim.cmd.file(workspace .. '/src/renamed.rs')
  animus.ask('write it')
  animus.request = request
  vim.cmd('bwipeout!')
  vim.cmd.edit(lib_path)
  equal(sent, { { 'src/unwritten.rs' }, 'none' })
end)

test('what_is_typed_is_found_before_it_is_saved', function()
  local bufnr = vim.fn.bufnr(lib_path)
  vim.cmd.normal({ 'Gofn wholly_unsaved() {}', bang = true })
  local hits = {}
  wait('the symbol', 20000, function()
    local answer = assert(client:request_sync('animus/search', { query = 'wholly_unsaved' }, 5000, bufnr))
    hits = assert(answer.result, vim.inspect(answer.err)).hits
    return #hits > 0
  end)
  equal(hits[1].path, 'src/lib.rs')
  has(table.concat(hits[1].why, '; '), 'names: wholly_unsaved')
  local defined = client:request_sync('animus/definition', { name = 'wholly_unsaved' }, 5000, bufnr).result.definitions
  equal(#defined, 1)
  equal(defined[1].start, vim.api.nvim_buf_line_count(bufnr))
  lacks(disk(lib_path), 'wholly_unsaved')
  vim.cmd('silent undo')
  equal(buffer_text(lib_path), original)
  local gone = client:request_sync('animus/symbol', { name = 'wholly_unsaved' }, 5000, bufnr).result.symbols
  equal(#vim.tbl_filter(function(symbol) return symbol.name == 'wholly_unsaved' end, gone), 0)
end)

test('ask_agent_to_refactor_lands_two_files_verified', function()
  -- Not saved, and yet the agent must read it.
  vim.api.nvim_buf_set_lines(0, 0, 1, false, { '//! A small shop, unsaved.' })
  local lib = vim.api.nvim_get_current_buf()
  -- The user types while the agent works, and once more when the edit is about to come: that edit is stale.
  local typed, late = 0, false
  vim.api.nvim_create_autocmd('User', {
    pattern = 'AnimusEvent',
    callback = function(call)
      local update = call.data.event.update
      if update.type == 'toolResult' and typed < 5 and not late then
        typed = typed + 1
        vim.api.nvim_buf_set_lines(lib, 1, 1, false, { '// typed ' .. typed })
      elseif update.type == 'phase' and update.phase == 'land' and not late then
        late = true
        vim.api.nvim_buf_set_lines(lib, 1, 1, false, { '// typed late' })
      end
    end,
  })
  vim.lsp.buf.code_action({
    range = { start = { 5, 0 }, ['end'] = { 11, 1 } },
    filter = function(action)
      return vim.startswith(action.title, 'Ask agent to refactor')
    end,
    apply = true,
  })
  local task = newest_task(1)
  wait('the end of the task', 120000, function()
    return finished(task)
  end)
  check_stream(task, 'verified')
  local read = find(task, 'toolResult')
  has(vim.inspect(read), 'A small shop, unsaved.')
  assert(typed > 0 and late, 'nothing was typed while the agent worked')

  local applied = vim.tbl_filter(function(edit)
    return edit.answer.applied
  end, edits)
  equal(#applied, 1)
  local uris = {}
  for _, change in ipairs(applied[1].params.edit.documentChanges) do
    uris[change.textDocument.uri] = true
  end
  equal(uris, { [vim.uri_from_fname(lib_path)] = true, [vim.uri_from_fname(price_path)] = true })
end)

test('what_was_typed_is_kept_and_stays_unsaved', function()
  wait('the file on disk', 5000, function()
    return disk(price_path):find('taxed', 1, true)
  end)
  has(disk(price_path), 'pub fn taxed')
  -- The user's own unsaved text is in this one: saving it is the user's to do.
  equal(vim.bo[vim.fn.bufnr(lib_path)].modified, true)
  equal(disk(lib_path), original)
  vim.cmd('silent write')
  local text = disk(lib_path)
  equal(text, buffer_text(lib_path))
  has(text, '//! A small shop, unsaved.')
  has(text, '// typed 1')
  has(text, '// typed late')
  has(text, 'prices.iter().map(|cents| price::taxed(*cents)).sum()')
  lacks(text, 'let mut sum')
end)

test('a_stale_edit_is_refused_whole', function()
  -- The stale document is the second one: Neovim alone would corrupt it and answer `applied = true`.
  local before = { buffer_text(lib_path), buffer_text(price_path) }
  local function change(path, version)
    return {
      textDocument = { uri = vim.uri_from_fname(path), version = version },
      edits = { { range = { start = { line = 0, character = 0 }, ['end'] = { line = 0, character = 0 } }, newText = 'x' } },
    }
  end
  local versions = vim.lsp.util.buf_versions
  local answer = require('animus.edit').apply(nil, {
    edit = {
      documentChanges = {
        change(price_path, versions[vim.fn.bufnr(price_path)]),
        change(lib_path, versions[vim.fn.bufnr(lib_path)] - 1),
      },
    },
  }, { client_id = client.id })
  equal(answer.applied, false)
  has(answer.failureReason, 'stale')
  equal({ buffer_text(lib_path), buffer_text(price_path) }, before)
end)

test('a_gap_in_the_events_is_filled', function()
  -- A second fold that hears only of the last event asks for the rest.
  local task = tasks.latest
  local known = tasks.events(task)
  package.loaded['animus.tasks'] = nil
  local other = require('animus.tasks')
  package.loaded['animus.tasks'] = tasks
  local counted = #events[task]
  other.handlers['$/animus/event'](nil, { v = 1, task = task, events = { known[#known] } }, { client_id = client.id })
  wait('the replay', 5000, function()
    return #other.events(task) == #known
  end)
  equal(other.events(task), known)
  events[task] = vim.list_slice(events[task], 1, counted)
end)

test('the_event_view_shows_the_task', function()
  vim.cmd('Animus log')
  local view = vim.fn.bufnr('animus://task/' .. tasks.latest)
  local text = table.concat(vim.api.nvim_buf_get_lines(view, 0, -1, false), '\n')
  has(text, '## test')
  has(text, '[>] Read the two files')
  has(text, 'verified:')
end)

test('the_view_floats_or_stands_beside_and_gives_the_window_back', function()
  local here = vim.api.nvim_get_current_win()
  vim.cmd('Animus view')
  for _, kind in ipairs({ 'float', 'vsplit', 'split' }) do
    equal(#vim.fn.win_findbuf(vim.fn.bufnr('animus://task/' .. tasks.latest)), 0)
    require('animus').options.view = kind
    vim.cmd('Animus view')
    equal(vim.bo.filetype, 'animus')
    local config = vim.api.nvim_win_get_config(0)
    equal(config.relative, kind == 'float' and 'editor' or '')
    has(kind == 'float' and config.footer[1][1] or vim.wo.statusline, 'c cancel  s steer  a approve')
    has(vim.wo.winbar, 'verified')
    vim.cmd.normal('q')
    equal(vim.api.nvim_get_current_win(), here)
  end
  -- On a small screen the greater part stays the user's, and as the last window the view gives way to his text.
  local lines = vim.o.lines
  vim.o.lines = 16
  vim.cmd('Animus view')
  assert(vim.fn.winheight(0) <= 6, 'lines of the view: ' .. vim.fn.winheight(0))
  vim.cmd('only')
  vim.cmd.normal('q')
  equal(vim.bo.filetype ~= 'animus', true)
  vim.o.lines = lines
  vim.cmd.edit(lib_path)
end)

test('a_view_that_cannot_open_breaks_no_task', function()
  local options, told = require('animus').options, nil
  local height, notify = options.height, vim.notify
  options.height = 'many'
  vim.notify = function(message)
    told = message
  end
  tasks.started(tasks.latest)
  vim.notify = notify
  options.height = height
  has(told, 'the view does not open')
end)

test('a_question_of_another_windows_task_comes_up_by_command_only', function()
  local approvals, select, shown = require('animus.approvals'), vim.ui.select, 0
  vim.ui.select = function(_, _, answer)
    shown = shown + 1
    answer(nil)
  end
  local options = { { kind = 'reject_once', name = 'Deny' } }
  local function take(task, state)
    approvals.take(client, {
      id = 'of-' .. task, task = task, state = state, title = 'Run it', details = {}, reasons = {}, options = options, deadlineSeconds = 60,
    })
  end
  -- One of a task that was asked for here comes up by itself, once the keys rest.
  tasks.started('ours')
  take('ours', 'pending')
  wait('the question', 10000, function()
    return shown == 1
  end)
  take('ours', 'denied')
  take('theirs', 'pending')
  equal({ shown, approvals.count() }, { 1, 1 })
  approvals.open()
  equal(shown, 2)
  take('theirs', 'denied')
  vim.ui.select = select
end)

test('undo_restores_both_files', function()
  vim.cmd('Animus undo')
  wait('the undone patch', 10000, function()
    return newest_state(tasks.latest) == 'undone'
  end)
  wait('the files on disk', 5000, function()
    return disk(price_path) == original_price and disk(lib_path):find('let mut sum', 1, true)
  end)
  local text = disk(lib_path)
  has(text, '// typed late')
  -- But for what the user wrote, it is the file of the beginning.
  local rest = text:gsub('// typed[^\n]*\n', ''):gsub(', unsaved', '')
  equal(rest, original)
end)

-- Starts a task by `:Animus ask`, cancels it once `ready`, and expects the end within two seconds with no child left.
local function check_cancel(number, ready)
  vim.cmd('1,3Animus ask do something long')
  local task = newest_task(number)
  local server = server_pid()
  wait('the moment to cancel', 60000, function()
    assert(not finished(task), 'the task ended too early: ' .. vim.inspect(finished(task)))
    return ready(task, server)
  end)
  local before = { disk(lib_path), disk(price_path) }
  local start = vim.uv.hrtime()
  vim.cmd('Animus cancel')
  wait('the end after cancel', 2000, function()
    return finished(task) and #children(server) == 0
  end)
  assert((vim.uv.hrtime() - start) / 1e6 <= 2000)
  check_stream(task, 'cancelled')
  equal({ disk(lib_path), disk(price_path) }, before)
end

test('cancel_while_the_model_thinks', function()
  check_cancel(2, function(task)
    return #find(task, 'phase') > 0 and vim.tbl_contains(vim.tbl_map(function(event)
      return event.update.phase
    end, find(task, 'phase')), 'act')
  end)
end)

test('cancel_while_the_tests_run_leaves_no_child', function()
  check_cancel(3, function(task, server)
    return #find(task, 'test') > 0 and #children(server) > 0
  end)
end)

test('a_new_file_lands_exactly_and_undo_removes_it', function()
  local notes = workspace .. '/NOTES.md'
  vim.cmd('Animus ask write notes')
  local task = newest_task(4)
  wait('the end of the task', 60000, function()
    return finished(task)
  end)
  check_stream(task, 'verified')
  wait('the file on disk', 5000, function()
    return vim.uv.fs_stat(notes) and disk(notes) ~= ''
  end)
  equal(disk(notes), '# Notes\n\nPrices are in cents.\n')
  vim.cmd('Animus undo')
  wait('the file to go', 10000, function()
    return not vim.uv.fs_stat(notes)
  end)
end)

test('a_patch_under_review_waits_is_refused_and_accepted', function()
  local review = workspace .. '/REVIEW.md'
  require('animus').options.land = 'review'
  for number, word in ipairs({ 'refuse', 'accept' }) do
    vim.cmd('Animus ask write a review')
    local task = newest_task(4 + number)
    wait('the end of the task', 60000, function()
      return finished(task)
    end)
    check_stream(task, 'verified')
    wait('the proposal', 5000, function()
      return newest_state(task) == 'proposed'
    end)
    assert(not vim.uv.fs_stat(review), 'nothing lands before it is accepted')
    vim.cmd('Animus ' .. word)
    local state = word == 'accept' and 'landed' or 'refused'
    wait('the patch to be ' .. state, 10000, function()
      return newest_state(task) == state
    end)
  end
  wait('the file on disk', 5000, function()
    return vim.uv.fs_stat(review) and disk(review) == '# Review\n'
  end)
  require('animus').options.land = nil
end)

test('the_server_ends_with_the_editor', function()
  local server = server_pid()
  client:stop()
  wait('the end of the server', 3000, function()
    return vim.uv.kill(server, 0) ~= 0
  end)
end)

check.finish()
