-- Documents of a review: the whole patch as a diff with what was decided, and the text of one hunk to be changed by hand.
local M = {}

local api = vim.api

-- Per buffer: its patch, and the item of each line that belongs to a hunk.
local documents = {}

local function review()
  return require('animus.review')
end

-- The lines of the document, and which item each belongs to.
local function render(view)
  local waiting = vim.iter(view.items):fold(0, function(count, item)
    return count + (item.state == 'pending' and 1 or 0)
  end)
  local lines = {
    view.title,
    ('%s, %s; %d of %d hunks wait'):format(view.state, view.verified and 'verified' or 'not verified', waiting, #view.items),
    'a accept  r refuse  u undo  e edit  A R the whole patch  ]h [h next, previous  <CR> to the file',
    '',
  }
  local items, number = {}, 0
  for _, file in ipairs(view.files) do
    local item
    for _, line in ipairs(vim.split(file.diff, '\n', { plain = true })) do
      if line:match('^@@ ') and number < #view.items and view.items[number + 1].path == file.path then
        number = number + 1
        item = view.items[number]
        line = ('%s  hunk %d/%d %s'):format(line:match('^@@ .- @@') or line, item.number, item.of, item.state)
      end
      if line ~= '' then
        table.insert(lines, (line:gsub('\r$', '')))
        items[#lines] = item
      end
    end
    -- A file whose diff shows no hunk (it is empty, or binary) is decided on the line of its name.
    while number < #view.items and view.items[number + 1].path == file.path do
      number = number + 1
      table.insert(lines, ('%s %s  hunk %d/%d %s'):format(file.op, file.path, number, #view.items, view.items[number].state))
      items[#lines] = view.items[number]
    end
  end
  return lines, items
end

local function fill(bufnr, view)
  local lines, items = render(view)
  documents[bufnr] = { patch = view.id, items = items }
  vim.bo[bufnr].modifiable = true
  local old = api.nvim_buf_get_lines(bufnr, 0, -1, false)
  -- Only lines that differ are set, so that cursors and folds stay.
  if #old == #lines then
    for index, line in ipairs(lines) do
      if old[index] ~= line then
        api.nvim_buf_set_lines(bufnr, index - 1, index, false, { line })
      end
    end
  else
    api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  end
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].modified = false
end

-- The patch that a buffer is the review document of.
function M.shown(bufnr)
  return documents[bufnr] and documents[bufnr].patch
end

-- The item at a line of a review document.
function M.at(bufnr, line)
  local document = documents[bufnr]
  local item = document and document.items[line]
  if not item then
    return nil
  end
  local view = review().view(item.patch)
  return view and view.items[item.number] or item
end

local maps = {
  { 'a', 'Accept hunk', function() review().resolve('accept') end },
  { 'r', 'Refuse hunk', function() review().resolve('refuse') end },
  { 'u', 'Take the hunk back', function() review().undo() end },
  { 'e', 'Edit hunk', function() review().edit() end },
  { 'A', 'Accept all', function() review().resolve_all('accept') end },
  { 'R', 'Refuse all', function() review().resolve_all('refuse') end },
  { ']h', 'Next hunk', function() M.go(1) end },
  { '[h', 'Previous hunk', function() M.go(-1) end },
  { '<CR>', 'To the file', function()
    local item = M.at(api.nvim_get_current_buf(), api.nvim_win_get_cursor(0)[1])
    if item then
      vim.cmd('wincmd p')
      review().open(item)
    end
  end },
}

local function keys(bufnr)
  for _, map in ipairs(maps) do
    vim.keymap.set('n', map[1], map[3], { buffer = bufnr, nowait = true, desc = map[2] })
  end
end

local function named(name)
  local bufnr = vim.fn.bufnr('^' .. vim.fn.escape(name, '\\*?[]{}^$.~') .. '$')
  return bufnr > 0 and bufnr or nil
end

-- Opens the document below, at the item.
function M.show(view, item)
  local name = 'animus://review/' .. view.id
  local bufnr = named(name)
  if not bufnr then
    bufnr = api.nvim_create_buf(false, true)
    api.nvim_buf_set_name(bufnr, name)
    vim.bo[bufnr].filetype = 'diff'
    keys(bufnr)
    api.nvim_create_autocmd('BufWipeout', {
      buffer = bufnr,
      callback = function()
        documents[bufnr] = nil
      end,
    })
  end
  fill(bufnr, view)
  local window = vim.fn.win_findbuf(bufnr)[1] or api.nvim_open_win(bufnr, true, { split = 'below', win = -1 })
  api.nvim_set_current_win(window)
  for line, candidate in pairs(documents[bufnr].items) do
    local first = not documents[bufnr].items[line - 1] or documents[bufnr].items[line - 1].number ~= candidate.number
    if item and first and candidate.path == item.path and candidate.hunk == item.hunk then
      api.nvim_win_set_cursor(window, { line, 0 })
    end
  end
end

-- Shows the latest of a patch where its document is open.
function M.refresh(view)
  for bufnr, document in pairs(documents) do
    if view and document.patch == view.id and api.nvim_buf_is_loaded(bufnr) then
      fill(bufnr, view)
    end
  end
end

-- Goes to the hunk that waits `step` further on in the current document.
function M.go(step)
  local document = documents[api.nvim_get_current_buf()]
  local line, last = api.nvim_win_get_cursor(0)[1], api.nvim_buf_line_count(0)
  for row = line + step, step > 0 and last or 1, step do
    local item, before = document.items[row], document.items[row - 1]
    if item and item.state == 'pending' and (not before or before.number ~= item.number) then
      return api.nvim_win_set_cursor(0, { row, 0 })
    end
  end
end

-- Opens the hunk's text; writing the buffer sends it, leaving it unwritten changes nothing.
function M.edit(item)
  local name = ('animus://hunk/%s/%s/%d'):format(item.patch, item.path, item.number)
  local old = named(name)
  if old then
    api.nvim_buf_delete(old, { force = true })
  end
  local bufnr = api.nvim_create_buf(false, false)
  api.nvim_buf_set_name(bufnr, name)
  vim.bo[bufnr].buftype = 'acwrite'
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].swapfile = false
  local ending = item.text:find('\r\n', 1, true) and '\r\n' or '\n'
  local whole = item.text == '' or vim.endswith(item.text, '\n')
  api.nvim_buf_set_lines(bufnr, 0, -1, false, require('animus.review.draw').lines(item.text))
  vim.bo[bufnr].modified = false
  vim.bo[bufnr].filetype = vim.filetype.match({ filename = item.path }) or ''
  api.nvim_create_autocmd('BufWriteCmd', {
    buffer = bufnr,
    callback = function()
      local lines = api.nvim_buf_get_lines(bufnr, 0, -1, false)
      local empty = #lines == 1 and lines[1] == ''
      local text = empty and '' or table.concat(lines, ending) .. (whole and ending or '')
      vim.bo[bufnr].modified = false
      local params = { patch = item.patch, path = item.path, hunk = item.hunk, resolution = 'edit', text = text }
      review().send('patch/resolve', params, item)
    end,
  })
  api.nvim_open_win(bufnr, true, { split = 'below', win = 0, height = math.min(20, math.max(3, api.nvim_buf_line_count(bufnr) + 1)) })
end

return M
