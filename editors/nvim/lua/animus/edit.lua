-- Edits of the server: applied whole or not at all, only to the text they were made for. A buffer with unsaved text of the
-- user's stays unsaved.
local M = {}

-- Buffers that the server's edits touched: their tick since, and whether they held nothing unsaved before.
local ours = {}

local function untouched(bufnr)
  local edited = ours[bufnr]
  return not vim.bo[bufnr].modified or (edited ~= nil and edited.clean and edited.tick == vim.b[bufnr].changedtick)
end

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
    local uri = document and document.uri or change.uri
    local bufnr = uri and loaded_buffer(uri)
    local tick = bufnr and rawget(vim.lsp.util.buf_versions, bufnr)
    if bufnr and document then
      if document.version and tick and tick ~= document.version then
        return ('stale: %s is at version %d, the edit is for %d'):format(uri, tick, document.version)
      end
      -- A buffer that no server is attached to has no version: unsaved text in it is text that the edit does not know.
      if not document.version and vim.bo[bufnr].modified then
        return ('stale: %s has unsaved text'):format(uri)
      end
      if not vim.bo[bufnr].modifiable then
        return ('%s is not modifiable'):format(uri)
      end
    elseif change.kind == 'create' then
      local taken = bufnr and vim.api.nvim_buf_line_count(bufnr) > 1
      if taken or vim.uv.fs_stat(vim.uri_to_fname(uri)) then
        return ('stale: %s is there already'):format(uri)
      end
    elseif change.kind == 'delete' and bufnr and vim.bo[bufnr].modified and not tick then
      return ('stale: %s has unsaved text'):format(uri)
    end
  end
end

-- Handler of workspace/applyEdit for this client only.
function M.apply(err, params, ctx)
  local reason = refusal(params.edit)
  if reason then
    return { applied = false, failureReason = reason }
  end
  local clean = {}
  for _, change in ipairs(params.edit.documentChanges or {}) do
    local bufnr = change.textDocument and loaded_buffer(change.textDocument.uri)
    if change.textDocument then
      clean[change.textDocument.uri] = not bufnr or untouched(bufnr)
    end
    if change.kind == 'create' then
      -- Neovim makes the folder of a new file only where the file may be overwritten.
      vim.fn.mkdir(vim.fs.dirname(vim.uri_to_fname(change.uri)), 'p')
    end
  end
  local answer = vim.lsp.handlers['workspace/applyEdit'](err, params, ctx)
  -- A buffer that the edit opened shows the server its text by didOpen, also where no file type attached it.
  for _, change in ipairs(params.edit.documentChanges or {}) do
    local bufnr = change.textDocument and loaded_buffer(change.textDocument.uri)
    if bufnr then
      vim.lsp.buf_attach_client(bufnr, ctx.client_id)
      ours[bufnr] = { tick = vim.b[bufnr].changedtick, clean = clean[change.textDocument.uri] }
    end
  end
  return answer
end

-- Another window writes what it accepted soon after it said so: buffers of these files of a patch that hold nothing
-- unsaved are read anew where the file is another one now.
function M.refresh(root, files)
  for _, rest in ipairs({ 0, 500, 2000 }) do
    vim.defer_fn(function()
      for _, file in ipairs(files) do
        local bufnr = loaded_buffer(vim.uri_from_fname(vim.fs.joinpath(root, file.path)))
        if bufnr and vim.o.autoread and not vim.bo[bufnr].modified and vim.fn.getcmdwintype() == '' then
          vim.cmd('silent! checktime ' .. bufnr)
        end
      end
    end, rest)
  end
end

-- Writes the buffers of these files of a patch that the server's edits touched and that hold nothing else unsaved; with
-- `all`, also those that do.
function M.save(root, files, all)
  for _, file in ipairs(files) do
    local bufnr = loaded_buffer(vim.uri_from_fname(vim.fs.joinpath(root, file.path)))
    local may = bufnr and ours[bufnr] and (all or untouched(bufnr))
    if may and vim.bo[bufnr].modified and vim.bo[bufnr].buftype == '' then
      vim.api.nvim_buf_call(bufnr, function()
        -- A last line without an ending keeps none.
        local fix = vim.bo.fixendofline
        vim.bo.fixendofline = false
        local ok, problem = pcall(vim.cmd, 'silent lockmarks write')
        vim.bo.fixendofline = fix
        if not ok then
          require('animus').notify(('%s could not be saved: %s'):format(file.path, problem), vim.log.levels.WARN)
        end
      end)
      ours[bufnr] = nil
    end
  end
end

return M
