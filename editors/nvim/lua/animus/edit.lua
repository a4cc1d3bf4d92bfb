-- Edits of the server: applied whole or not at all, only to the text they were made for.
local M = {}

local function loaded_buffer(uri)
  local bufnr = vim.fn.bufnr(vim.uri_to_fname(uri))
  return bufnr > 0 and vim.api.nvim_buf_is_loaded(bufnr) and bufnr or nil
end

-- Why the edit may not be applied. Neovim 0.11 skips a stale first document and corrupts a stale later one, and answers
-- `applied = true` both times, so every version is compared here. `buf_versions` is the tick of the last change of text
-- that was seen, sent or not; the buffer's own tick also counts writes.
local function refusal(edit)
  for _, change in ipairs(edit.documentChanges or {}) do
    local document = change.textDocument
    local bufnr = document and loaded_buffer(document.uri)
    if bufnr then
      local version = rawget(vim.lsp.util.buf_versions, bufnr)
      if document.version and version and version ~= document.version then
        return ('stale: %s is at version %d, the edit is for %d'):format(document.uri, version, document.version)
      end
      if not vim.bo[bufnr].modifiable then
        return ('%s is not modifiable'):format(document.uri)
      end
    end
  end
end

-- Handler of workspace/applyEdit for this client only.
function M.apply(err, params, ctx)
  local reason = refusal(params.edit)
  if reason then
    return { applied = false, failureReason = reason }
  end
  local answer = vim.lsp.handlers['workspace/applyEdit'](err, params, ctx)
  -- A buffer that the edit opened shows the server its text by didOpen, also where no file type attached it.
  for _, change in ipairs(params.edit.documentChanges or {}) do
    local bufnr = change.textDocument and loaded_buffer(change.textDocument.uri)
    if bufnr then
      vim.lsp.buf_attach_client(bufnr, ctx.client_id)
    end
  end
  return answer
end

-- Writes the modified buffers of these paths below the root.
function M.save(root, paths)
  for _, path in ipairs(paths) do
    local bufnr = loaded_buffer(vim.uri_from_fname(vim.fs.joinpath(root, path)))
    if bufnr and vim.bo[bufnr].modified and vim.bo[bufnr].buftype == '' then
      vim.api.nvim_buf_call(bufnr, function()
        local ok, problem = pcall(vim.cmd, 'silent lockmarks write')
        if not ok then
          require('animus').notify(('%s could not be saved: %s'):format(path, problem), vim.log.levels.WARN)
        end
      end)
    end
  end
end

return M
