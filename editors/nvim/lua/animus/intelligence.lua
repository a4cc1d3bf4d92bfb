-- What the server asks of the editor, answered by Neovim's other language servers. A handler of a request runs in a coroutine, so it
-- can wait without holding the editor up. No buffer of the user is changed.
local api = vim.api
local M = {}

-- Longest that a question about hidden buffers takes, and how long diagnostics are quiet when there are no more: of servers that
-- say something of every buffer, and of others.
local MOST, QUIET, LONG_QUIET = 12000, 200, 2500

M.verbs = {
  'client/definition', 'client/references', 'client/rename', 'client/symbols', 'client/selection', 'client/diagnostics', 'client/openDiff',
}

local function now()
  return vim.uv.hrtime() / 1e6
end

-- Waits in a coroutine until `done` says so, or the time is over.
local function wait(ms, done)
  local running, finish = coroutine.running(), now() + ms
  local function look()
    if done() or now() > finish then
      coroutine.resume(running)
    else
      vim.defer_fn(look, 20)
    end
  end
  vim.defer_fn(look, 0)
  coroutine.yield()
end

local function others(filter)
  return vim.tbl_filter(function(client)
    return client.name ~= 'animus' and client.initialized and not client:is_stopped()
  end, vim.lsp.get_clients(filter))
end

-- Asks these clients; what they answered, by client.
local function ask(clients, method, make, bufnr)
  local answers, open, problem = {}, 0, nil
  for _, client in ipairs(clients) do
    if client:supports_method(method, bufnr) then
      open = open + 1
      local sent = client:request(method, make(client), function(err, result)
        open = open - 1
        problem = problem or (err and err.message)
        if result and result ~= vim.NIL then
          table.insert(answers, { client = client, result = result })
        end
      end, bufnr)
      open = sent and open or open - 1
    end
  end
  wait(MOST, function()
    return open == 0
  end)
  return answers, problem
end

local function line_at(uri, line)
  local bufnr = vim.fn.bufnr(vim.uri_to_fname(uri))
  if bufnr > 0 and api.nvim_buf_is_loaded(bufnr) then
    return api.nvim_buf_get_lines(bufnr, line, line + 1, false)[1] or ''
  end
  local read, lines = pcall(vim.fn.readfile, vim.uri_to_fname(uri), '', line + 1)
  return read and lines[line + 1] or ''
end

-- A position of `uri` as another client counts.
local function position(uri, place, from, to)
  if from == to then
    return { line = place.line, character = place.character }
  end
  local text = line_at(uri, place.line)
  local byte = vim.str_byteindex(text, from, place.character, false)
  return { line = place.line, character = vim.str_utfindex(text, to, byte, false) }
end

local function range(uri, place, from, to)
  return { start = position(uri, place.start, from, to), ['end'] = position(uri, place['end'], from, to) }
end

-- The buffer of a file: one that is there, or for as long as `use` runs one that nobody sees.
local function with_buffer(uri, use)
  local bufnr = vim.uri_to_bufnr(uri)
  local loaded = api.nvim_buf_is_loaded(bufnr)
  if not loaded then
    vim.cmd(('noswapfile call bufload(%d)'):format(bufnr))
  end
  local ok, result, problem = pcall(use, bufnr)
  if not loaded and #vim.fn.win_findbuf(bufnr) == 0 and not vim.bo[bufnr].buflisted and not vim.bo[bufnr].modified then
    pcall(api.nvim_buf_delete, bufnr, { unload = true })
  end
  if not ok then
    error(result, 0)
  end
  return result, problem
end

-- Asks about the place in `params`; `more` are further params.
local function at(params, encoding, method, more)
  return with_buffer(params.uri, function(bufnr)
    return ask(others({ bufnr = bufnr }), method, function(client)
      return vim.tbl_extend('error', {
        textDocument = { uri = params.uri },
        position = position(params.uri, params.position, encoding, client.offset_encoding),
      }, more or {})
    end, bufnr)
  end)
end

local function places(params, encoding, method, more)
  local locations = {}
  for _, answer in ipairs((at(params, encoding, method, more))) do
    local list = (answer.result.uri or answer.result.targetUri) and { answer.result } or answer.result
    for _, it in ipairs(list) do
      local uri, place = it.uri or it.targetUri, it.range or it.targetSelectionRange
      table.insert(locations, { uri = uri, range = range(uri, place, answer.client.offset_encoding, encoding) })
    end
  end
  return { locations = locations }
end

-- The edit is not applied: it becomes a part of the server's draft.
local function rename(params, encoding)
  local answers, problem = at(params, encoding, 'textDocument/rename', { newName = params.newName })
  local answer = answers[1]
  if not answer then
    error(problem or 'no language server renames here', 0)
  end
  local changes = {}
  local function add(uri, edits)
    changes[uri] = changes[uri] or {}
    for _, edit in ipairs(edits) do
      table.insert(changes[uri], { range = range(uri, edit.range, answer.client.offset_encoding, encoding), newText = edit.newText })
    end
  end
  for _, change in ipairs(answer.result.documentChanges or {}) do
    if change.kind then
      error('the rename makes, moves or removes files', 0)
    end
    add(change.textDocument.uri, change.edits)
  end
  for uri, edits in pairs(not answer.result.documentChanges and answer.result.changes or {}) do
    add(uri, edits)
  end
  return { edit = { changes = next(changes) and changes or vim.empty_dict() } }
end

local function symbols(params, encoding)
  local found = {}
  local answers = ask(others(), 'workspace/symbol', function()
    return { query = params.query }
  end)
  for _, answer in ipairs(answers) do
    for _, it in ipairs(answer.result) do
      local uri, place = it.location.uri, it.location.range
      if place then
        local location = { uri = uri, range = range(uri, place, answer.client.offset_encoding, encoding) }
        table.insert(found, { name = it.name, containerName = it.containerName, location = location })
      end
    end
  end
  return { symbols = found }
end

local function is_file(bufnr)
  return vim.bo[bufnr].buftype == '' and api.nvim_buf_get_name(bufnr) ~= ''
end

local function selection(_, encoding)
  local windows = vim.tbl_filter(function(window)
    return is_file(api.nvim_win_get_buf(window))
  end, api.nvim_tabpage_list_wins(0))
  local window = vim.tbl_contains(windows, api.nvim_get_current_win()) and api.nvim_get_current_win() or windows[1]
  if not window then
    return vim.NIL
  end
  local bufnr = api.nvim_win_get_buf(window)
  local uri = vim.uri_from_bufnr(bufnr)
  local first, last = api.nvim_win_get_cursor(window), api.nvim_win_get_cursor(window)
  if vim.fn.mode():match('[vV\22]') and window == api.nvim_get_current_win() then
    local other = vim.fn.getpos('v')
    first, last = { math.min(other[2], first[1]), 0 }, { math.max(other[2], last[1]), vim.v.maxcol }
  end
  local function place(at)
    local text = line_at(uri, at[1] - 1)
    return { line = at[1] - 1, character = vim.str_utfindex(text, encoding, math.min(at[2], #text), false) }
  end
  local visible = vim.tbl_map(function(it)
    return vim.uri_from_bufnr(api.nvim_win_get_buf(it))
  end, windows)
  return { uri = uri, range = { start = place(first), ['end'] = place(last) }, visible = visible }
end

-- Neovim's diagnostics of a buffer on the wire, those of the server itself left out.
local function told(bufnr, encoding)
  local found = {}
  for _, it in ipairs(vim.diagnostic.get(bufnr)) do
    if it.source ~= 'animus' then
      local function place(line, column)
        local text = api.nvim_buf_get_lines(bufnr, line, line + 1, false)[1] or ''
        return { line = line, character = vim.str_utfindex(text, encoding, math.min(column, #text), false) }
      end
      local shown = { start = place(it.lnum, it.col), ['end'] = place(it.end_lnum or it.lnum, it.end_col or it.col) }
      table.insert(found, { range = shown, severity = it.severity, message = it.message, source = it.source, code = it.code })
    end
  end
  return found
end

local function diagnostics(params, encoding)
  local buffers = params.uris and vim.tbl_map(function(uri)
    return vim.fn.bufnr(vim.uri_to_fname(uri))
  end, params.uris) or api.nvim_list_bufs()
  local documents = {}
  for _, bufnr in ipairs(buffers) do
    if bufnr > 0 and api.nvim_buf_is_loaded(bufnr) and is_file(bufnr) then
      table.insert(documents, { uri = vim.uri_from_bufnr(bufnr), diagnostics = told(bufnr, encoding) })
    end
  end
  return { documents = documents }
end

-- A buffer that nobody sees and no plugin hears of.
local function hide(uri)
  local ignored = vim.o.eventignore
  vim.o.eventignore = 'all'
  local bufnr = vim.fn.bufadd(vim.uri_to_fname(uri))
  local ok, problem = pcall(function()
    vim.cmd(('noswapfile call bufload(%d)'):format(bufnr))
    vim.bo[bufnr].filetype = vim.filetype.match({ buf = bufnr, filename = vim.uri_to_fname(uri) }) or ''
  end)
  vim.o.eventignore = ignored
  if not ok then
    error(problem, 0)
  end
  return bufnr
end

-- Reads files that are not the user's by the servers that read the user's files of that kind. Their folders become workspace folders
-- for that time, so a server that takes none is not asked; a new one is never started.
local function hidden(params, encoding)
  local folders = vim.tbl_map(function(uri)
    return { uri = uri, name = vim.fs.basename(vim.uri_to_fname(uri)) }
  end, params.hidden)
  local buffers, asked, heard, last = {}, {}, {}, now()
  local group = api.nvim_create_augroup('animus.intelligence.' .. now(), {})
  local function attach(uri)
    local bufnr = hide(uri)
    buffers[uri] = bufnr
    api.nvim_create_autocmd('DiagnosticChanged', {
      group = group,
      buffer = bufnr,
      callback = function()
        heard[bufnr], last = true, now()
      end,
    })
    for _, client in ipairs(others()) do
      local takes = vim.tbl_get(client.server_capabilities, 'workspace', 'workspaceFolders', 'supported')
      if takes and vim.tbl_contains(client.config.filetypes or {}, vim.bo[bufnr].filetype) then
        if not asked[client.id] then
          asked[client.id] = client
          client:notify('workspace/didChangeWorkspaceFolders', { event = { added = folders, removed = {} } })
        end
        local ignored = vim.o.eventignore
        vim.o.eventignore = 'all'
        pcall(vim.lsp.buf_attach_client, bufnr, client.id)
        vim.o.eventignore = ignored
      end
    end
  end
  local ok, result = pcall(function()
    vim.iter(params.uris):each(attach)
    if not next(asked) then
      error('no language server here reads other folders', 0)
    end
    -- Who answers this has read the folders; only then it is known whether nothing more comes.
    for uri, bufnr in pairs(buffers) do
      ask(vim.tbl_values(asked), 'textDocument/hover', function()
        return { textDocument = { uri = uri }, position = { line = 0, character = 0 } }
      end, bufnr)
    end
    last = now()
    wait(MOST, function()
      local all = vim.iter(vim.tbl_values(buffers)):all(function(bufnr)
        return heard[bufnr]
      end)
      return now() - last > (all and QUIET or LONG_QUIET)
    end)
    return vim.tbl_map(function(uri)
      return { uri = uri, diagnostics = told(buffers[uri], encoding) }
    end, params.uris)
  end)
  api.nvim_del_augroup_by_id(group)
  for _, bufnr in pairs(buffers) do
    pcall(api.nvim_buf_delete, bufnr, { force = true })
  end
  for _, client in pairs(asked) do
    client:notify('workspace/didChangeWorkspaceFolders', { event = { added = {}, removed = folders } })
  end
  if not ok then
    error(result, 0)
  end
  return { documents = result }
end

local function open_diff(params)
  vim.cmd.tabnew()
  for index, side in ipairs({ params.left, params.right }) do
    if index == 2 then
      vim.cmd('rightbelow vnew')
    end
    if side.uri then
      vim.cmd.edit(vim.fn.fnameescape(vim.uri_to_fname(side.uri)))
    else
      local bufnr = api.nvim_get_current_buf()
      vim.bo[bufnr].buftype, vim.bo[bufnr].bufhidden, vim.bo[bufnr].swapfile = 'nofile', 'wipe', false
      api.nvim_buf_set_lines(bufnr, 0, -1, false, vim.split((side.text:gsub('\n$', '')), '\r?\n'))
      pcall(api.nvim_buf_set_name, bufnr, ('animus://diff/%d/%s'):format(bufnr, side.title))
      vim.bo[bufnr].modifiable = false
      vim.bo[bufnr].filetype = vim.filetype.match({ filename = params.title }) or ''
    end
    vim.cmd.diffthis()
  end
  return vim.empty_dict()
end

local answers = {
  definition = function(params, encoding)
    return places(params, encoding, 'textDocument/definition')
  end,
  references = function(params, encoding)
    return places(params, encoding, 'textDocument/references', { context = { includeDeclaration = false } })
  end,
  rename = rename,
  symbols = symbols,
  selection = selection,
  diagnostics = function(params, encoding)
    return (params.hidden and hidden or diagnostics)(params, encoding)
  end,
  openDiff = open_diff,
}

M.handlers = {}
for name, answer in pairs(answers) do
  M.handlers['animus/client/' .. name] = function(_, params, ctx)
    local encoding = assert(vim.lsp.get_client_by_id(ctx.client_id)).offset_encoding
    local ok, result = pcall(answer, params or {}, encoding)
    if ok then
      return result
    end
    return nil, vim.lsp.rpc_response_error(vim.lsp.protocol.ErrorCodes.InternalError, tostring(result))
  end
end

return M
