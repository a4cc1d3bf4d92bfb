-- Sync: the server knows every text that it was shown. Neovim 0.11 lets go of a buffer that changes while no server is attached
-- to it, and takes no hold of it again: a server that is attached later never hears of a change, and is sent edits by
-- versions that stand still. Such a buffer's changes are sent from here.
local M = {}

-- The text of a buffer as writing it would make it.
function M.text(bufnr)
  local ending = ({ dos = '\r\n', mac = '\r' })[vim.bo[bufnr].fileformat] or '\n'
  local text = table.concat(vim.api.nvim_buf_get_lines(bufnr, 0, -1, false), ending)
  return vim.bo[bufnr].endofline and text .. ending or text
end

-- Called after each change, behind Neovim's own listener, which notes the tick of what it passes on.
function M.changed(bufnr, client_id, tick)
  local versions = vim.lsp.util.buf_versions
  if rawget(versions, bufnr) == tick then
    return
  end
  local client = vim.lsp.get_client_by_id(client_id)
  if not client or not client.attached_buffers[bufnr] then
    return
  end
  versions[bufnr] = tick
  client:notify('textDocument/didChange', {
    textDocument = { uri = vim.uri_from_bufnr(bufnr), version = tick },
    contentChanges = { { text = M.text(bufnr) } },
  })
end

-- Called once the buffer let go of its listeners: it was closed, or is read anew by `:edit`. `again` listens to it anew.
function M.left(bufnr, client_id, uri, again)
  vim.schedule(function()
    local client = vim.lsp.get_client_by_id(client_id)
    if not client or not client.attached_buffers[bufnr] then
      return
    end
    if vim.api.nvim_buf_is_loaded(bufnr) then
      again(client)
      M.changed(bufnr, client_id, vim.b[bufnr].changedtick)
    else
      client.attached_buffers[bufnr] = nil
      client:notify('textDocument/didClose', { textDocument = { uri = uri } })
    end
  end)
end

return M
