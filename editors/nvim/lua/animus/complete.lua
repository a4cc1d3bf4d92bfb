-- Inline completion: what the server suggests at the cursor, as grey text in insert mode. The server waits for the pause of typing,
-- remembers and cuts; here it is only drawn. Neovim 0.12 does that itself.
local M = {}
local method = 'textDocument/inlineCompletion'
local namespace = vim.api.nvim_create_namespace('animus.complete')
local native = vim.lsp.inline_completion
-- The suggestion that is drawn, {at, text}, and the request under way, {client, id, at}.
local shown, asked

-- Hides what is drawn, and gives up what is asked.
local function forget()
  if asked then
    asked.client:cancel_request(asked.id)
    asked = nil
  end
  if shown then
    if vim.api.nvim_buf_is_valid(shown.at.bufnr) then
      vim.api.nvim_buf_clear_namespace(shown.at.bufnr, namespace, 0, -1)
    end
    shown = nil
  end
end

-- Where the cursor is, and in which text.
local function place()
  local cursor = vim.api.nvim_win_get_cursor(0)
  return { bufnr = vim.api.nvim_get_current_buf(), tick = vim.b.changedtick, row = cursor[1] - 1, col = cursor[2] }
end

local function draw(at, text)
  local lines = vim.split(text, '\n', { plain = true })
  local below = vim.tbl_map(function(line)
    return { { line, 'AnimusComplete' } }
  end, vim.list_slice(lines, 2))
  vim.api.nvim_buf_set_extmark(at.bufnr, namespace, at.row, at.col, {
    virt_text = { { lines[1], 'AnimusComplete' } },
    virt_text_pos = 'inline',
    virt_lines = #below > 0 and below or nil,
  })
  shown = { at = at, text = text }
end

local function ask(client, at)
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = 2 }
  local mine = { client = client, at = at }
  asked = mine
  local ok, id = client:request(method, params, function(err, result)
    if asked ~= mine then
      return
    end
    asked = nil
    local item = not err and result and (result.items or result)[1]
    local typing = vim.fn.mode():sub(1, 1) == 'i' and vim.fn.pumvisible() == 0
    if item and typing and vim.deep_equal(place(), at) then
      draw(at, item.insertText)
    end
  end, at.bufnr)
  mine.id = id
  asked = ok and mine or nil
end

-- The client that completes in this buffer.
local function client_of(bufnr)
  for _, client in ipairs(vim.lsp.get_clients({ name = 'animus', bufnr = bufnr })) do
    if M.clients[client.id] then
      return client
    end
  end
end

-- Ids of the clients whose server completes.
M.clients = {}

local function start()
  for name, link in pairs({ AnimusComplete = 'Comment' }) do
    vim.api.nvim_set_hl(0, name, { link = link, default = true })
  end
  local group = vim.api.nvim_create_augroup('animus.complete', {})
  vim.api.nvim_create_autocmd({ 'TextChangedI', 'CursorMovedI', 'InsertEnter' }, {
    group = group,
    callback = function(call)
      local at, known = place(), shown or asked
      -- A key may come as two of these.
      if known and vim.deep_equal(known.at, at) then
        return
      end
      forget()
      local client = client_of(call.buf)
      if client then
        ask(client, at)
      end
    end,
  })
  vim.api.nvim_create_autocmd({ 'InsertLeave', 'BufLeave', 'CompleteChanged' }, { group = group, callback = forget })
end

-- The server said what it offers from now on.
function M.registered(registrations, client_id)
  local offered = vim.iter(registrations):any(function(one)
    return one.method == method
  end)
  local option = require('animus').options.complete
  if not offered or not option then
    return
  end
  if native then
    native.enable(true, { client_id = client_id })
  elseif vim.tbl_isempty(M.clients) then
    start()
  end
  M.clients[client_id] = true
  if type(option) == 'string' then
    vim.keymap.set('i', option, function()
      return M.visible() and '<Plug>(animus-complete-accept)' or option
    end, { expr = true, remap = true, replace_keycodes = true, desc = 'Animus: Accept suggestion' })
  end
end

-- The suggestion that can be accepted, if there is one. Neovim's own shows none to others.
function M.visible()
  return native and vim.tbl_count(M.clients) > 0 or shown and shown.text
end

-- Takes the suggestion; false where there is none.
function M.accept()
  if native then
    return native.get()
  end
  local taken = shown
  if not taken then
    return false
  end
  forget()
  local at, lines = taken.at, vim.split(taken.text, '\n', { plain = true })
  vim.api.nvim_buf_set_text(at.bufnr, at.row, at.col, at.row, at.col, lines)
  vim.api.nvim_win_set_cursor(0, { at.row + #lines, #lines[#lines] + (#lines == 1 and at.col or 0) })
  return true
end

return M
