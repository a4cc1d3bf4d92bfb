-- Review: the patches that wait, hunk by hunk. What is decided and where a hunk is, the server says; here it is shown and
-- asked for, and nothing is remembered that the server would not tell again.
local animus = require('animus')
local draw = require('animus.review.draw')
local sync = require('animus.sync')

local M = {}

-- How long typing must rest before the server is asked where the hunks are now.
local REST = 120
-- Decided patches whose hunks can still be taken back at the cursor.
local DECIDED = 8

-- Per patch: its view, the client it came from, and whether it waits, or waited, for a person. A patch that lands by itself is
-- proposed for a moment too; nobody is asked about that one.
local patches = {}

-- Tasks whose end was seen.
local ended = {}

-- Buffers that are listened to, and the client of each.
local tracked = {}

local function path_of(client, bufnr)
  local name = vim.api.nvim_buf_get_name(bufnr)
  if name == '' or vim.bo[bufnr].buftype ~= '' or not client.root_dir then
    return nil
  end
  local path = vim.fs.relpath(client.root_dir, name)
  if path then
    return path
  end
  local root, real = vim.uv.fs_realpath(client.root_dir), vim.uv.fs_realpath(name)
  return root and real and vim.fs.relpath(root, real) or nil
end

-- Loaded buffers of the client's files, by path.
local function buffers(client)
  local found = {}
  for bufnr, id in pairs(tracked) do
    if id == client.id and vim.api.nvim_buf_is_loaded(bufnr) then
      local path = path_of(client, bufnr)
      if path then
        found[path] = bufnr
      end
    end
  end
  return found
end

-- The hunks of a patch in its own order, numbered through all files.
local function items_of(entry)
  local items = {}
  for _, file in ipairs(entry.view.files) do
    for _, hunk in ipairs(file.hunks) do
      table.insert(items, {
        patch = entry.view.id,
        title = entry.view.title,
        path = file.path,
        op = file.op,
        hunk = hunk.index,
        state = hunk.state,
        text = hunk.text or '',
        live = hunk.live and { start = hunk.live.start, lines = hunk.live.lines } or nil,
        faint = entry.view.state == 'proposed',
      })
    end
  end
  for number, item in ipairs(items) do
    item.number, item.of = number, #items
  end
  return items
end

-- Oldest first; the newest one of a time is the one that came last.
local function entries()
  local list = vim.tbl_values(patches)
  table.sort(list, function(a, b)
    return a.view.created == b.view.created and a.view.id < b.view.id or a.view.created < b.view.created
  end)
  return list
end

local function newest_waiting(path)
  local found
  for _, entry in ipairs(entries()) do
    local touches = not path or vim.iter(entry.view.files):any(function(file)
      return file.path == path
    end)
    if entry.view.state == 'proposed' and touches then
      found = entry.view
    end
  end
  return found
end

local function redraw(bufnr, client)
  local path = path_of(client, bufnr)
  -- Keys stay while the patch waits, also for the moment in which none of its hunks here is to be seen.
  local shown, waits = {}, false
  for _, entry in ipairs(path and entries() or {}) do
    if entry.client == client.id and entry.reviewed then
      for _, item in ipairs(items_of(entry)) do
        waits = waits or (item.path == path and entry.view.state == 'proposed')
        if item.path == path and (item.state == 'pending' or item.state == 'accepted') then
          table.insert(shown, item)
        end
      end
    end
  end
  draw.show(bufnr, shown)
  require('animus.review.keys').bind(bufnr, waits or #shown > 0)
end

local ask

-- Patches to ask about once typing rests.
local due, timer = {}, assert(vim.uv.new_timer())

local function later(id)
  due[id] = true
  timer:start(REST, 0, vim.schedule_wrap(function()
    local ids = due
    due = {}
    for patch in pairs(ids) do
      ask(patch)
    end
  end))
end

-- The same for the patches of a client that wait, or for all that were under review.
local function all_later(client, reviewed)
  for id, entry in pairs(patches) do
    local asks = reviewed and entry.reviewed or not reviewed and entry.view.state == 'proposed'
    if entry.client == client and asks then
      later(id)
    end
  end
end

-- Asks where the hunks of a patch are. An answer about a text that is no longer there is not shown.
function ask(id)
  local entry = patches[id]
  local client = entry and vim.lsp.get_client_by_id(entry.client)
  if not client then
    patches[id] = nil
    return
  end
  if entry.asking then
    entry.again = true
    return
  end
  entry.asking, entry.again = true, false
  local ticks = {}
  for path, bufnr in pairs(buffers(client)) do
    ticks[path] = { bufnr = bufnr, tick = vim.b[bufnr].changedtick }
  end
  animus.request('patch/get', { patch = id }, function(view)
    entry.asking = false
    entry.view = view
    for _, file in ipairs(view.files) do
      local seen = ticks[file.path]
      if seen and vim.api.nvim_buf_is_loaded(seen.bufnr) then
        if vim.b[seen.bufnr].changedtick == seen.tick then
          redraw(seen.bufnr, client)
        else
          entry.again = true
        end
      end
    end
    require('animus.review.document').refresh(M.view(id))
    if entry.again then
      later(id)
    end
  end, client, function()
    patches[id] = nil
  end)
end

local function forget_old()
  local decided = vim.tbl_filter(function(entry)
    return entry.view.state ~= 'proposed'
  end, entries())
  for index = 1, #decided - DECIDED do
    patches[decided[index].view.id] = nil
  end
end

local function consider(entry)
  if entry.view.state == 'proposed' and not entry.reviewed then
    entry.reviewed = true
    animus.notify(('a patch waits: %s (:Animus next, :Animus review)'):format(entry.view.title))
  end
  if entry.reviewed then
    ask(entry.view.id)
  end
end

-- The latest view of a patch, from the server.
function M.take(client, view)
  local entry = patches[view.id] or { reviewed = false }
  if entry.client ~= client.id then
    -- Nobody will answer what an earlier server was asked.
    entry.client, entry.asking = client.id, false
  end
  if not vim.deep_equal(entry.view, view) then
    require('animus.edit').refresh(client.root_dir, view.files)
  end
  entry.view = view
  patches[view.id] = entry
  forget_old()
  if entry.reviewed or ended[view.task] then
    consider(entry)
  end
end

-- A task is over: what it proposed and did not land waits for a person. Views may lag behind events.
function M.over(task, landed)
  ended[task] = true
  for _, entry in ipairs(entries()) do
    if entry.view.task == task and not landed then
      consider(entry)
    end
  end
end

-- Fetches the patches that wait: those of earlier sessions, and those of other windows.
local function fetch(client)
  animus.request('patch/list', {}, function(result)
    for _, view in ipairs(result.patches) do
      if view.state == 'proposed' or patches[view.id] then
        -- Other windows show their own tasks' patches too, once these are over.
        local tasks = require('animus.tasks')
        local task = tasks.tasks[view.task]
        tasks.patches[view.id] = view
        ended[view.task] = ended[view.task] or not task or task.finished ~= nil
        M.take(client, view)
      end
    end
  end, client, function() end)
end

local track

-- Listens to a buffer for as long as it is loaded.
function track(bufnr, client)
  local uri = vim.uri_from_bufnr(bufnr)
  local new = not tracked[bufnr]
  tracked[bufnr] = client.id
  local function changed(_, _, tick)
    if not tracked[bufnr] then
      return true
    end
    sync.changed(bufnr, tracked[bufnr], tick)
    all_later(tracked[bufnr])
  end
  if new then
    vim.api.nvim_buf_attach(bufnr, false, {
      on_lines = changed,
      on_reload = function()
        -- Marks are gone after a reload, those of decided patches too.
        all_later(tracked[bufnr], true)
      end,
      on_detach = function()
        local id = tracked[bufnr]
        tracked[bufnr] = nil
        sync.left(bufnr, id, uri, function(still)
          if not tracked[bufnr] then
            track(bufnr, still)
          end
        end)
      end,
    })
  end
  all_later(client.id, true)
end

-- What a decision is about: the hunk at the cursor, in a file or in the review document.
function M.here(state)
  local bufnr = vim.api.nvim_get_current_buf()
  local line = vim.api.nvim_win_get_cursor(0)[1]
  local in_document = require('animus.review.document').at(bufnr, line)
  local candidates = in_document and { in_document } or vim.tbl_filter(function(item)
    return draw.touches(item, line)
  end, draw.placed(bufnr))
  return vim.iter(candidates):find(function(item)
    return not state or item.state == state
  end)
end

local function path_here()
  local client = vim.lsp.get_clients({ name = 'animus', bufnr = 0 })[1]
  return client and path_of(client, vim.api.nvim_get_current_buf())
end

local function client_of(id)
  local entry = patches[id]
  return entry and vim.lsp.get_client_by_id(entry.client) or nil
end

-- Sends a decision. The hunk is no longer shown from here on; the server says what came of it.
function M.send(verb, params, item)
  local client = client_of(params.patch)
  local bufnr = client and item and buffers(client)[item.path]
  if bufnr then
    draw.hide(bufnr, item)
  end
  animus.request(verb, params, nil, client, function()
    if patches[params.patch] then
      ask(params.patch)
    end
  end)
end

-- Decides the hunk at the cursor; without one, and where the buffer shows none that waits, the newest patch that waits.
function M.resolve(resolution, id)
  if id then
    return M.send('patch/resolve', { patch = id, resolution = resolution })
  end
  local item = M.here('pending')
  if item then
    return M.send('patch/resolve', { patch = item.patch, path = item.path, hunk = item.hunk, resolution = resolution }, item)
  end
  local waits = vim.iter(draw.placed(vim.api.nvim_get_current_buf())):any(function(shown)
    return shown.state == 'pending'
  end)
  if waits then
    return animus.notify(('no hunk at the cursor; :Animus next goes to one, :Animus %s_all takes the whole patch'):format(resolution))
  end
  M.resolve_all(resolution)
end

-- Decides what still waits of the patch in this file.
function M.resolve_file(resolution)
  local item = M.here()
  local path = item and item.path or path_here()
  local view = item and M.view(item.patch) or path and newest_waiting(path)
  if not view then
    return animus.notify('no patch waits for an answer in this file')
  end
  M.send('patch/resolve', { patch = view.id, path = path, resolution = resolution })
end

-- Decides all that still waits of a patch: that at the cursor, else the newest of this file, else the newest.
function M.resolve_all(resolution)
  local item = M.here('pending')
  local id = item and item.patch or require('animus.review.document').shown(vim.api.nvim_get_current_buf())
  local view = id and M.view(id) or newest_waiting(path_here()) or newest_waiting()
  if view then
    return M.send('patch/resolve', { patch = view.id, resolution = resolution })
  end
  animus.request('patch/list', {}, function(result)
    local newest
    for _, candidate in ipairs(result.patches) do
      if candidate.state == 'proposed' and (not newest or candidate.created >= newest.created) then
        newest = candidate
      end
    end
    if not newest then
      return animus.notify('no patch waits for an answer')
    end
    animus.request('patch/resolve', { patch = newest.id, resolution = resolution })
  end)
end

-- Takes back the accepted hunk at the cursor, else the named patch, else the newest that landed.
function M.undo(id)
  local item = not id and M.here('accepted')
  if item then
    return M.send('patch/undo', { patch = item.patch, path = item.path, hunk = item.hunk }, item)
  end
  animus.request('patch/undo', { patch = id })
end

-- The view of a patch with its hunks as items.
function M.view(id)
  local entry = patches[id]
  return entry and vim.tbl_extend('force', entry.view, { items = items_of(entry) }) or nil
end

local function open(client, item)
  local target = vim.fs.joinpath(client.root_dir, item.path)
  if not vim.uv.fs_stat(target) and vim.fn.bufloaded(target) == 0 then
    require('animus.review.document').show(M.view(item.patch), item)
    return
  end
  local bufnr = vim.fn.bufadd(vim.fn.fnamemodify(target, ':.'))
  vim.bo[bufnr].buflisted = true
  vim.cmd("normal! m'")
  if bufnr ~= vim.api.nvim_get_current_buf() then
    vim.api.nvim_win_set_buf(0, bufnr)
  end
  local placed = vim.iter(draw.placed(bufnr)):find(function(shown)
    return shown.patch == item.patch and shown.hunk == item.hunk
  end)
  local live = placed and placed.live or item.live
  local line = live and live.start or 1
  vim.api.nvim_win_set_cursor(0, { math.max(1, math.min(line, vim.api.nvim_buf_line_count(bufnr))), 0 })
  vim.cmd('normal! zv')
end

-- Goes to a hunk in its file.
function M.open(item)
  local client = client_of(item.patch)
  if client then
    open(client, item)
  end
end

-- Goes to the hunk that waits `step` (1 or -1) further on: in this buffer, then in the other files of the patch, round and
-- round.
function M.go(step)
  local bufnr, line = vim.api.nvim_get_current_buf(), vim.api.nvim_win_get_cursor(0)[1]
  local document = require('animus.review.document')
  if document.shown(bufnr) then
    return document.go(step)
  end
  local shown = vim.tbl_filter(function(item)
    return item.state == 'pending'
  end, draw.placed(bufnr))
  for index = step > 0 and 1 or #shown, step > 0 and #shown or 1, step do
    local row = math.min(shown[index].live.start, vim.api.nvim_buf_line_count(bufnr))
    if (row - line) * step > 0 then
      return M.open(shown[index])
    end
  end
  local path = path_here()
  local view = newest_waiting(path) or newest_waiting()
  if not view then
    return animus.notify('no hunk waits for an answer')
  end
  local waiting = vim.tbl_filter(function(item)
    return item.state == 'pending'
  end, M.view(view.id).items)
  local others = vim.tbl_filter(function(item)
    return item.path ~= path
  end, waiting)
  -- The next file after this one in the patch's order, else from the beginning again.
  local later_files = vim.tbl_filter(function(item)
    return not path or (step > 0 and item.path > path or step < 0 and item.path < path)
  end, others)
  local list = #later_files > 0 and later_files or #others > 0 and others or waiting
  local target = list[step > 0 and 1 or #list]
  if not target then
    return animus.notify('no hunk waits for an answer')
  end
  M.open(target)
end

-- Opens the text of the hunk at the cursor; writing it puts that text into the file instead.
function M.edit()
  local item = M.here('pending')
  if not item then
    return animus.notify('no hunk that waits is at the cursor; :Animus next goes to one')
  end
  require('animus.review.document').edit(item)
end

-- Opens the review document of a patch.
function M.review(id)
  local item = not id and M.here() or nil
  local waiting = newest_waiting(path_here()) or newest_waiting()
  local view = M.view(id or item and item.patch or waiting and waiting.id)
  if not view then
    return animus.notify(id and ('no patch %s is under review'):format(id) or 'no patch waits for an answer')
  end
  require('animus.review.document').show(view, item)
end

-- The hunks that a buffer shows, for status lines.
function M.hunks(bufnr)
  return draw.placed(bufnr)
end

local group = vim.api.nvim_create_augroup('animus.review', { clear = true })

vim.api.nvim_create_autocmd('LspAttach', {
  group = group,
  callback = function(call)
    local client = vim.lsp.get_client_by_id(call.data.client_id)
    if not client or client.name ~= 'animus' then
      return
    end
    local first = not vim.tbl_contains(vim.tbl_values(tracked), client.id)
    track(call.buf, client)
    if first then
      fetch(client)
    end
  end,
})

vim.api.nvim_create_autocmd('LspDetach', {
  group = group,
  callback = function(call)
    if tracked[call.buf] == call.data.client_id then
      tracked[call.buf] = nil
      draw.clear(call.buf)
      require('animus.review.keys').bind(call.buf, false)
    end
  end,
})

-- The buffer is another file now, of which the server hears once it is written.
vim.api.nvim_create_autocmd('BufFilePost', {
  group = group,
  callback = function(call)
    vim.b[call.buf].animus_renamed = true
    local client = vim.lsp.get_client_by_id(tracked[call.buf] or -1)
    if client then
      redraw(call.buf, client)
    end
  end,
})

-- Another window may have decided meanwhile.
vim.api.nvim_create_autocmd({ 'FocusGained', 'BufEnter' }, {
  group = group,
  callback = function(call)
    local client = vim.lsp.get_client_by_id(tracked[call.buf] or -1)
    if client and call.event == 'FocusGained' then
      fetch(client)
    elseif client then
      all_later(client.id)
    end
  end,
})

return M
