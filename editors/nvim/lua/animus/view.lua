-- The task view: one scratch buffer per task, shown in one window. On top the plan, below what happens, as it comes. It never
-- takes the cursor by itself.
local M = {}

local api = vim.api
local fold = require('animus.task')

-- Per task: its buffer, how many lines its head has, the kind of streamed text that its last line takes more of.
local views = {}

-- The window that shows a view.
local window

local marks = { pending = '[ ]', in_progress = '[>]', completed = '[x]', failed = '[!]' }

-- Lines of long output start with this, and are folded.
local RULE = '  │ '
local LONGEST = 400

local function output(text)
  local lines = vim.split(vim.trim(text or ''), '\n', { plain = true })
  if #lines == 1 and lines[1] == '' then
    return nil
  end
  if #lines > LONGEST then
    local left = #lines - LONGEST
    lines = vim.list_slice(lines, 1, LONGEST)
    table.insert(lines, ('… %d more lines'):format(left))
  end
  return RULE .. table.concat(lines, '\n' .. RULE)
end

local function steps(entries)
  return vim.tbl_map(function(step)
    return (('%s %s'):format(marks[step.status] or marks.pending, step.content):gsub('\n', ' '))
  end, entries)
end

local renderers = {
  -- The head has the plan too; here its changes stand among what made them.
  plan = function(u)
    return #u.plan.entries > 0 and steps(u.plan.entries) or nil
  end,
  phase = function(u)
    return { '', '## ' .. u.phase }
  end,
  toolCall = function(u)
    return { '> ' .. u.call.title }
  end,
  toolResult = function(u)
    local result = u.result
    local problem = result.failure and (': ' .. result.failure.message) or ''
    return { ('  %s %d ms%s'):format(marks[result.status] or result.status, result.durationMs, problem), output(result.output) }
  end,
  draft = function(u)
    return { ('draft %d: %s'):format(u.revision, table.concat(u.paths, ', ')), output(u.diff) }
  end,
  critique = function(u)
    local lines = { 'critic: ' .. u.critique.quality }
    for _, finding in ipairs(u.critique.findings) do
      local place = finding.path and (' (%s%s)'):format(finding.path, finding.line and ':' .. finding.line or '') or ''
      table.insert(lines, ('- %s: %s%s'):format(finding.severity, finding.message, place))
    end
    return lines
  end,
  test = function(u)
    local report = u.report
    return { ('%s: %s'):format(fold.tests(report), report.command), report.verdict ~= 'passed' and output(report.output) or nil }
  end,
  approval = function(u)
    return { ('asks: %s (a answers)'):format(u.approval.title) }
  end,
  approvalResolved = function(u)
    return { ('answer: %s%s'):format(u.state, u.scope and ', ' .. u.scope or '') }
  end,
  waiting = function(u)
    return { 'waits: ' .. u.message }
  end,
  prompt = function(u)
    return u.by == 'user' and { 'you: ' .. u.text } or nil
  end,
  patch = function(u)
    return { ('patch %s (%s): :Animus review, next, accept, refuse, undo'):format(u.patch.id, u.patch.state) }
  end,
  patchState = function(u)
    return { 'patch ' .. u.state }
  end,
  fallback = function(u)
    return { ('%s is asked instead of %s: %s'):format(u.to, u.from, u.message) }
  end,
  notice = function(u)
    return { u.level .. ': ' .. u.message, u.hint }
  end,
  finished = function(u)
    return { '', ('%s: %s'):format(u.reason, u.summary), u.failure and u.failure.hint or nil }
  end,
}

local function task_of(id)
  local tasks = require('animus.tasks')
  return tasks.folds[id] or tasks.past[id] or fold.new(id)
end

local function joined(...)
  return table.concat(vim.tbl_filter(function(part)
    return part ~= ''
  end, { ... }), ' · ')
end

-- What was asked, what it takes, and the steps.
local function head(task)
  local model = task.model .. (task.scripted and ' (scripted)' or '')
  local tests = task.test and fold.tests(task.test) or ''
  local facts = joined(model, fold.tokens(task) or '', fold.spent(task.cost, task.unpriced) or '', tests)
  return vim.list_extend({ '# ' .. task.title, facts }, steps(task.plan))
end

local function set_lines(view, first, last, lines)
  vim.bo[view.bufnr].modifiable = true
  api.nvim_buf_set_lines(view.bufnr, first, last, false, lines)
  vim.bo[view.bufnr].modifiable = false
end

-- The bar above the view: it stays in sight while the text scrolls.
local function bar(id)
  local task = task_of(id)
  local text = joined(task.finished or task.phase, fold.step(task) or task.title, fold.tokens(task) or '', fold.spent(task.cost, task.unpriced) or '')
  for _, win in ipairs(vim.fn.win_findbuf(views[id].bufnr)) do
    vim.wo[win][0].winbar = '%#AnimusBar# ' .. text:gsub('%%', '%%%%')
  end
end

local function draw_head(id)
  local view, lines = views[id], head(task_of(id))
  for index = 1, math.max(#lines, view.head) do
    if index > view.head then
      set_lines(view, index - 1, index - 1, { lines[index] })
    elseif index > #lines then
      set_lines(view, #lines, #lines + 1, {})
    elseif view.lines[index] ~= lines[index] then
      set_lines(view, index - 1, index, { lines[index] })
    end
  end
  view.head, view.lines = #lines, lines
  bar(id)
end

-- Windows that stand at the end follow.
local function follow(view, write)
  local last = api.nvim_buf_line_count(view.bufnr)
  local windows = vim.tbl_filter(function(win)
    return api.nvim_win_get_cursor(win)[1] == last
  end, vim.fn.win_findbuf(view.bufnr))
  write()
  for _, win in ipairs(windows) do
    api.nvim_win_set_cursor(win, { api.nvim_buf_line_count(view.bufnr), 0 })
  end
end

local function write(view, update)
  if update.type == 'prompt' and not view.asked then
    -- The first words are the request with its files; the head says what was asked.
    view.asked = true
    return
  end
  local streamed = update.type == 'message' or update.type == 'thought'
  local text = streamed and update.text
  if not streamed then
    local rendered = renderers[update.type] and renderers[update.type](update)
    text = rendered and table.concat(vim.tbl_values(rendered), '\n')
  end
  if not text then
    return
  end
  local lines = vim.split(text, '\n', { plain = true })
  -- A countdown is one line.
  local counts = update.type == 'waiting' and update.wait == 'rate_limit' and update.seconds
  if counts and view.counts and counts < view.counts then
    set_lines(view, -2, -1, lines)
  elseif streamed and view.joins == update.type then
    lines[1] = (api.nvim_buf_get_lines(view.bufnr, -2, -1, false)[1] or '') .. lines[1]
    set_lines(view, -2, -1, lines)
  else
    set_lines(view, -1, -1, lines)
  end
  view.counts = counts
  view.joins = streamed and update.type or false
end

local function alive(id)
  return views[id] and api.nvim_buf_is_valid(views[id].bufnr)
end

function M.append(id, event)
  if not alive(id) then
    return
  end
  follow(views[id], function()
    write(views[id], event.update)
    draw_head(id)
  end)
end

-- For `foldexpr`: long output is one fold.
function M.fold(line)
  return vim.startswith(vim.fn.getline(line), RULE) and 1 or 0
end

function M.foldtext()
  return ('%s%d lines'):format(RULE, vim.v.foldend - vim.v.foldstart + 1)
end

local keys = {
  { 'q', 'close', function() M.close() end },
  { 'c', 'cancel', function(id) require('animus').cancel(id) end },
  { 's', 'steer', function(id) require('animus').steer(nil, id) end },
  { 'a', 'approve', function() require('animus.approvals').open() end },
  { 'r', 'review', function(id) require('animus.review').review(task_of(id).patch) end },
  { 'f', 'findings', function(id) require('animus.findings').open(id) end },
}

local legend = ' ' .. table.concat(vim.tbl_map(function(key)
  return key[1] .. ' ' .. key[2]
end, keys), '  ') .. '  zo output '

local function buffer(id, events)
  if alive(id) then
    return views[id].bufnr
  end
  local bufnr = api.nvim_create_buf(false, true)
  api.nvim_buf_set_name(bufnr, 'animus://task/' .. id)
  vim.bo[bufnr].filetype = 'animus'
  vim.bo[bufnr].modifiable = false
  for _, key in ipairs(keys) do
    vim.keymap.set('n', key[1], function()
      key[3](id)
    end, { buffer = bufnr, nowait = true, desc = 'Animus: ' .. key[2] })
  end
  -- The first line of an empty buffer is the head's.
  views[id] = { bufnr = bufnr, head = 1, lines = {}, joins = false }
  draw_head(id)
  for _, event in ipairs(events) do
    write(views[id], event.update)
  end
  return bufnr
end

local function place(view)
  local options = require('animus').options
  -- The greater part of the screen is the user's text.
  local height, width = math.min(options.height, math.max(1, math.floor((vim.o.lines - 4) / 2))), math.min(options.width, math.floor(vim.o.columns * 2 / 3))
  if view == 'float' then
    return {
      relative = 'editor', anchor = 'SE', row = vim.o.lines - vim.o.cmdheight - 1, col = vim.o.columns, width = width, height = height,
      border = 'rounded', title = ' Animus ', footer = legend, zindex = 40,
    }
  elseif view == 'vsplit' then
    return { split = 'right', win = -1, width = width }
  end
  return { split = 'below', win = -1, height = height }
end

-- The window of the view, where it is on the screen.
local function open()
  local there = window and api.nvim_win_is_valid(window)
  return there and api.nvim_win_get_tabpage(window) == api.nvim_get_current_tabpage() and window or nil
end

-- Shows the view of a task, with the events so far where it is new. The cursor stays where it is unless `enter`.
function M.show(id, events, enter)
  local bufnr = buffer(id, events)
  local shown = open()
  if not shown then
    window = api.nvim_open_win(bufnr, enter or false, place(require('animus').options.view))
    shown = window
  elseif enter or shown ~= api.nvim_get_current_win() then
    api.nvim_win_set_buf(shown, bufnr)
    if enter then
      api.nvim_set_current_win(shown)
    end
  end
  local settings = {
    number = false, relativenumber = false, signcolumn = 'no', spell = false, list = false, wrap = true, linebreak = true,
    foldmethod = 'expr', foldexpr = 'v:lua.require("animus.view").fold(v:lnum)', foldtext = 'v:lua.require("animus.view").foldtext()',
    foldlevel = 0, foldminlines = 3, foldenable = true, fillchars = 'fold: ,eob: ',
  }
  if api.nvim_win_get_config(shown).relative == '' then
    settings.statusline = '%#AnimusBar#' .. legend
    settings.winfixheight = true
  end
  for name, value in pairs(settings) do
    vim.wo[shown][0][name] = value
  end
  api.nvim_win_set_cursor(shown, { api.nvim_buf_line_count(bufnr), 0 })
  bar(id)
end

function M.close()
  local shown = open()
  if shown then
    -- The last window of all cannot be closed: it shows the user's text again.
    if not pcall(api.nvim_win_close, shown, true) then
      api.nvim_win_call(shown, function()
        vim.cmd(vim.fn.buflisted(vim.fn.bufnr('#')) == 1 and 'buffer #' or 'enew')
      end)
    end
  end
  window = nil
end

function M.is_open()
  return open() ~= nil
end

return M
