-- Does in a headless Neovim what a person does: opens a file, waits for a finding, reads its hover, takes its fix, writes.
-- The request is JSON in $PROBE; what was seen goes as JSON to its `answer`. Speaks 0.7 and later.
local request = vim.fn.json_decode(vim.env.PROBE)
local seen = { version = tostring(vim.version().major) .. "." .. tostring(vim.version().minor) }

local function finish(error)
  seen.error = error
  vim.fn.writefile({ vim.fn.json_encode(seen) }, request.answer)
  vim.cmd(error and "cquit!" or "qall!")
end

local function until_true(see, what)
  if not vim.wait(30000, see, 50) then
    finish("not in time: " .. what)
  end
end

vim.o.hidden = true
vim.cmd("edit " .. vim.fn.fnameescape(request.file))
local config = { name = "architect", cmd = request.command, root_dir = request.root }
if vim.lsp.start then
  vim.lsp.start(config)
else
  vim.lsp.buf_attach_client(0, vim.lsp.start_client(config))
end

local finding
until_true(function()
  for _, it in ipairs(vim.diagnostic.get(0)) do
    if it.code == request.code or (it.user_data and it.user_data.lsp and it.user_data.lsp.code == request.code) then
      finding = it
      return true
    end
  end
end, request.code)
local line = vim.api.nvim_buf_get_lines(0, finding.lnum, finding.lnum + 1, true)[1]
seen.finding = {
  source = finding.source,
  message = finding.message,
  line = finding.lnum + 1,
  text = line:sub(finding.col + 1, finding.end_lnum == finding.lnum and finding.end_col or #line),
}

vim.api.nvim_win_set_cursor(0, { finding.lnum + 1, finding.col })
vim.lsp.buf.hover()
until_true(function()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= "" then
      seen.hover = table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, true), "\n")
      return true
    end
  end
end, "a hover")

local before = vim.api.nvim_buf_get_lines(0, 0, -1, true)
vim.ui.select = function(items, options, choose)
  seen.actions = {}
  local chosen
  for _, it in ipairs(items) do
    local title = options.format_item(it)
    table.insert(seen.actions, title)
    chosen = chosen or (title:find(request.action, 1, true) and it)
  end
  choose(chosen)
end
vim.lsp.buf.code_action()
until_true(function()
  return not vim.deep_equal(before, vim.api.nvim_buf_get_lines(0, 0, -1, true))
end, "a changed text; offered: " .. vim.inspect(seen.actions))
until_true(function()
  for _, it in ipairs(vim.diagnostic.get(0)) do
    if it.message == finding.message then
      return false
    end
  end
  return true
end, "the finding is gone")
vim.cmd("write")
finish()
