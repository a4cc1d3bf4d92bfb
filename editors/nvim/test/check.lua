-- What every session of tests is written in: `test NAME ... ok` or `... FAILED: why` a line, waiting, comparing, reading.
local M = { failures = 0, session = 'nvim' }

function M.test(name, run)
  local ok, problem = xpcall(run, debug.traceback)
  M.failures = M.failures + (ok and 0 or 1)
  io.stdout:write(('test %s::%s ... %s\n'):format(M.session, name, ok and 'ok' or 'FAILED: ' .. problem))
end

function M.wait(what, milliseconds, condition)
  assert(vim.wait(milliseconds, condition, 20), 'timed out waiting for ' .. what)
end

function M.disk(path)
  local file = assert(io.open(path, 'rb'))
  local text = file:read('*a')
  file:close()
  return text
end

function M.equal(actual, expected)
  local function show(value)
    return vim.inspect(value):sub(1, 2000)
  end
  assert(vim.deep_equal(actual, expected), ('expected %s\n  actual %s'):format(show(expected), show(actual)))
end

function M.has(text, part)
  assert(text:find(part, 1, true), ('%q is not in: %s'):format(part, text))
end

function M.lacks(text, part)
  assert(not text:find(part, 1, true), ('%q is in: %s'):format(part, text))
end

-- The text of a loaded buffer, byte for byte as writing it would make it.
function M.buffer(path)
  local bufnr = vim.fn.bufnr(path)
  local ending = vim.bo[bufnr].fileformat == 'dos' and '\r\n' or '\n'
  local text = table.concat(vim.api.nvim_buf_get_lines(bufnr, 0, -1, false), ending)
  return vim.bo[bufnr].endofline and text .. ending or text
end

-- Pids whose parent is `parent`.
function M.children(parent)
  local found = {}
  for name in vim.fs.dir('/proc') do
    local file = name:match('^%d+$') and io.open('/proc/' .. name .. '/stat')
    if file then
      local stat = file:read('*a') or ''
      file:close()
      if tonumber(stat:match('^%d+ %(.*%) %S (%d+)')) == parent then
        table.insert(found, tonumber(name))
      end
    end
  end
  return found
end

function M.finish()
  os.exit(M.failures == 0 and 0 or 1, true)
end

return M
