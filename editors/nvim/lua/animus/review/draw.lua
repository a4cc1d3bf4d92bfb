-- Drawing: the hunks of one buffer as extmarks. They move with the text, so a hunk is where its mark is, also while the
-- server has yet to say where it is now. Neither text nor cursor changes.
local M = {}

local api = vim.api
local namespace = api.nvim_create_namespace('animus.review')

-- New lines of one hunk that are shown in place; the review document shows them all.
local SHOWN = 60

-- Per buffer: its items, each with the id of its mark.
local drawn = {}

local links = { AnimusRemoved = 'DiffDelete', AnimusAdded = 'DiffAdd', AnimusLabel = 'Comment', AnimusSign = 'Special', AnimusAccepted = 'Comment', AnimusBar = 'StatusLine' }

local function define()
  for name, link in pairs(links) do
    api.nvim_set_hl(0, name, { default = true, link = link })
  end
end

define()
api.nvim_create_autocmd('ColorScheme', { callback = define })

-- Lines without their endings.
function M.lines(text)
  local lines = vim.split(text, '\n', { plain = true })
  if lines[#lines] == '' then
    table.remove(lines)
  end
  return vim.tbl_map(function(line)
    return (line:gsub('\r$', ''))
  end, lines)
end

-- A virtual line takes tabs as they come, so they are laid out here; blanks colour it up to the window's edge.
local function virtual(line, tabstop)
  local shown, width = '', 0
  for piece, tab in line:gmatch('([^\t]*)(\t?)') do
    shown = shown .. piece
    width = width + api.nvim_strwidth(piece)
    if tab ~= '' then
      local blanks = tabstop - width % tabstop
      shown = shown .. (' '):rep(blanks)
      width = width + blanks
    end
  end
  return { { shown .. (' '):rep(math.max(0, vim.o.columns - width)), 'AnimusAdded' } }
end

local function added(bufnr, text)
  local lines = M.lines(text)
  local shown = {}
  for index = 1, math.min(#lines, SHOWN) do
    table.insert(shown, virtual(lines[index], vim.bo[bufnr].tabstop))
  end
  if #lines > SHOWN then
    table.insert(shown, { { ('… %d more lines: :Animus review'):format(#lines - SHOWN), 'AnimusLabel' } })
  end
  return shown
end

-- Labels at one edge would be printed one over the other, so a line has one mark for all of its own.
local function label(labels, row, item, note)
  labels[row] = (labels[row] or '') .. (' hunk %d/%d · %s%s '):format(item.number, item.of, item.title, note or '')
end

-- Shows a pending hunk; returns its mark and, where new lines stand above the first line, how many.
local function pending(bufnr, item, labels)
  local last = api.nvim_buf_line_count(bufnr)
  local start, count = item.live.start - 1, item.live.lines
  local lines = added(bufnr, item.text)
  local mark = { strict = false }
  label(labels, math.min(start, last - 1), item)
  local sign = { sign_text = count == 0 and '+' or item.text == '' and '-' or '~', sign_hl_group = 'AnimusSign', strict = false }
  -- A mark that ends at the beginning of a line gives that line its sign too, so the sign has its own.
  sign.end_row = count > 0 and math.min(start + count, last) - 1 or nil
  api.nvim_buf_set_extmark(bufnr, namespace, math.min(start, last - 1), 0, sign)
  if count > 0 then
    mark.end_row = math.min(start + count, last)
    mark.hl_group = 'AnimusRemoved'
    mark.hl_eol = true
    item.mark = api.nvim_buf_set_extmark(bufnr, namespace, math.min(start, last - 1), 0, mark)
    if #lines > 0 then
      local row = math.max(0, math.min(start + count, last) - 1)
      api.nvim_buf_set_extmark(bufnr, namespace, row, 0, { virt_lines = lines, virt_lines_overflow = 'scroll' })
    end
    return 0
  end
  mark.virt_lines = lines
  mark.virt_lines_overflow = 'scroll'
  mark.virt_lines_above = start < last
  item.mark = api.nvim_buf_set_extmark(bufnr, namespace, math.min(start, last - 1), 0, mark)
  return start == 0 and #lines or 0
end

local function accepted(bufnr, item)
  local last = api.nvim_buf_line_count(bufnr)
  local start = math.min(item.live.start, last) - 1
  start = math.max(start, 0)
  local end_row = math.min(start + item.live.lines, last)
  item.mark = api.nvim_buf_set_extmark(bufnr, namespace, start, 0, { end_row = end_row, strict = false })
  if item.faint then
    -- As above: the sign has a mark of its own.
    local sign = { end_row = math.max(start, end_row - 1), sign_text = '▏', sign_hl_group = 'AnimusAccepted', strict = false }
    api.nvim_buf_set_extmark(bufnr, namespace, start, 0, sign)
  end
end

-- The user changed the very lines: the hunk is shown where it was, and nothing is claimed about them.
local function adrift(bufnr, item, old)
  local position = old and api.nvim_buf_get_extmark_by_id(bufnr, namespace, old.mark, {})
  if position and position[1] then
    item.live = { start = position[1] + 1, lines = 1 }
    item.adrift = true
    return function(labels)
      label(labels, position[1], item, ' · you changed these lines')
      local mark = { sign_text = '?', sign_hl_group = 'AnimusSign', strict = false }
      item.mark = api.nvim_buf_set_extmark(bufnr, namespace, position[1], 0, mark)
    end
  end
end

local function same(a, b)
  return a.patch == b.patch and a.path == b.path and a.hunk == b.hunk
end

-- Shows these hunks instead of what was shown.
function M.show(bufnr, items)
  local old = drawn[bufnr] or {}
  local shown, late = {}, {}
  for _, item in ipairs(items) do
    if item.live then
      table.insert(shown, item)
    elseif item.state == 'pending' then
      local before = vim.iter(old):find(function(candidate)
        return same(candidate, item)
      end)
      local draw = adrift(bufnr, item, before)
      if draw then
        table.insert(shown, item)
        late[item] = draw
      end
    end
  end
  api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  local above, labels = 0, {}
  for _, item in ipairs(shown) do
    if late[item] then
      late[item](labels)
    elseif item.state == 'pending' then
      above = above + pending(bufnr, item, labels)
    else
      accepted(bufnr, item)
    end
  end
  for row, text in pairs(labels) do
    local mark = { virt_text = { { text, 'AnimusLabel' } }, virt_text_pos = 'right_align', strict = false }
    api.nvim_buf_set_extmark(bufnr, namespace, row, 0, mark)
  end
  drawn[bufnr] = #shown > 0 and shown or nil
  if above > 0 then
    -- Neovim shows lines above the first line only where the view is told to leave room.
    for _, window in ipairs(vim.fn.win_findbuf(bufnr)) do
      api.nvim_win_call(window, function()
        if vim.fn.line('w0') == 1 then
          vim.fn.winrestview({ topfill = above })
        end
      end)
    end
  end
end

function M.clear(bufnr)
  drawn[bufnr] = nil
  if api.nvim_buf_is_valid(bufnr) then
    api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  end
end

-- No longer shows one hunk: it is being decided.
function M.hide(bufnr, hidden)
  local kept = {}
  for _, item in ipairs(M.placed(bufnr)) do
    if not same(item, hidden) then
      item.live = not item.adrift and item.live or nil
      table.insert(kept, item)
    end
  end
  M.show(bufnr, kept)
end

-- What is shown, in the order of the text, each with `live` as its mark says.
function M.placed(bufnr)
  local items = {}
  for _, item in ipairs(drawn[bufnr] or {}) do
    local position = api.nvim_buf_is_loaded(bufnr) and api.nvim_buf_get_extmark_by_id(bufnr, namespace, item.mark, { details = true })
    if position and position[1] then
      local lines = item.live.lines > 0 and math.max(0, (position[3].end_row or position[1] + 1) - position[1]) or 0
      local start = position[1] + 1
      if item.live.lines == 0 and item.live.start > api.nvim_buf_line_count(bufnr) then
        start = item.live.start
      end
      table.insert(items, vim.tbl_extend('force', item, { live = { start = start, lines = lines } }))
    end
  end
  table.sort(items, function(a, b)
    return a.live.start < b.live.start
  end)
  return items
end

-- Whether the line (from 1) belongs to the hunk. Where it only inserts, or was only deleted, that is either side of the place.
function M.touches(item, line)
  local first, count = item.live.start, item.live.lines
  if count == 0 then
    return line == first or line == first - 1
  end
  return line >= first and line < first + count
end

return M
