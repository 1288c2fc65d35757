#!/usr/bin/env python3
"""Writes tests/golden/gradients.safetensors: for every layer and loss of lib/nn an input, a gradient
of the output and what PyTorch makes of them. Needs torch and safetensors; the file is committed."""
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(7)
out = {}


def leaf(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).requires_grad_()


def store(case, y, **tensors):
    """Named leaves with their gradients under a random gradient of y."""
    if y.dim():
        upstream = torch.randn_like(y)
        y.backward(upstream)
        out[f"{case}.dy"] = upstream
    else:
        y.backward()
        y = y.reshape(1)
    out[f"{case}.y"] = y.detach()
    for name, t in tensors.items():
        out[f"{case}.{name}"] = t.detach()
        out[f"{case}.d{name}"] = t.grad


def conv_case(case, lengths, c_in, c_out, k, s, p):
    x, w, b = leaf(sum(lengths), c_in), leaf(c_out, c_in, k, scale=0.3), leaf(c_out)
    y = [F.conv1d(part.T[None], w, b, stride=s, padding=p)[0].T for part in x.split(lengths)]
    store(case, torch.cat(y), x=x, w=w, b=b)


def positional_case(case, lengths, channels, k, groups):
    conv = torch.nn.Conv1d(channels, channels, k, padding=k // 2, groups=groups)
    conv = torch.nn.utils.parametrizations.weight_norm(conv, dim=2)
    par = conv.parametrizations.weight
    with torch.no_grad():
        par.original0.mul_(1.5)
    x = leaf(sum(lengths), channels)
    y = torch.cat([conv(part.T[None])[0, :, : len(part)].T for part in x.split(lengths)])
    store(case, y, x=x, g=par.original0, v=par.original1, b=conv.bias)


def attention_case(case, lengths, heads, d, left, right, bias):
    qkv = leaf(sum(lengths), 3 * heads * d)
    extra = {}
    if bias:
        extra["bias"] = leaf(heads, left + right + 1)
    ys = []
    for part in qkv.split(lengths):
        n = len(part)
        q, k, v = part.view(n, 3, heads, d).permute(1, 2, 0, 3)
        gap = torch.arange(n)[None] - torch.arange(n)[:, None]
        seen = torch.ones(n, n, dtype=torch.bool)
        if left >= 0:
            seen &= gap >= -left
        if right >= 0:
            seen &= gap <= right
        mask = torch.zeros(heads, n, n)
        if bias:
            mask = extra["bias"][:, (gap + left).clamp(0, left + right)]
        mask = mask.masked_fill(~seen, float("-inf"))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        ys.append(y.permute(1, 0, 2).reshape(n, heads * d))
    store(case, torch.cat(ys), qkv=qkv, **extra)


def norm_cases():
    x, g, b = leaf(9, 33), leaf(33), leaf(33)
    store("layer_norm", F.layer_norm(x, (33,), g, b, 1e-5), x=x, g=g, b=b)
    x, g = leaf(9, 33), leaf(33)
    y = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * g
    store("rms_norm", y, x=x, g=g)
    for case, groups in (("group_norm_each", 12), ("group_norm_some", 3)):
        x, g, b = leaf(30, 12), leaf(12), leaf(12)
        y = [F.group_norm(p.T[None], groups, g, b, 1e-5)[0].T for p in x.split([19, 11])]
        store(case, torch.cat(y), x=x, g=g, b=b)


def activation_cases():
    for case, f in (("gelu_erf", F.gelu), ("gelu_tanh", lambda x: F.gelu(x, approximate="tanh")),
                    ("silu", F.silu), ("relu", F.relu)):
        x = leaf(7, 41, scale=3)
        store(case, f(x), x=x)


def loss_cases():
    x, t = leaf(6, 10), torch.randn(6, 10)
    out["squared.target"] = t
    store("squared", ((x - t) ** 2).sum(-1).mean(), x=x)
    x, t = leaf(6, 17, scale=4), torch.tensor([3, 0, -100, 16, 5, -100], dtype=torch.int32)
    out["cross_entropy.target"] = t
    store("cross_entropy", F.cross_entropy(x, t.long()), x=x)
    x, t = leaf(6, 10), leaf(6, 10)
    store("cosine", (1 - F.cosine_similarity(x, t)).mean(), x=x, t=t)
    a, b = leaf(8, 10), leaf(8, 10)
    s = F.normalize(a) @ F.normalize(b).T / 0.1
    store("info_nce", F.cross_entropy(s, torch.arange(8)), a=a, b=b)
    x, table = leaf(5, 8), leaf(20, 8)
    target = torch.tensor([3, 7, 3, 19, 0], dtype=torch.int32)
    sampled = torch.tensor([1, 7, 4, 11, 19, 2], dtype=torch.int32)
    log_t, log_s = -torch.rand(5) * 3, -torch.rand(6) * 3
    own = (x * table[target.long()]).sum(-1, keepdim=True) - log_t[:, None]
    rest = x @ table[sampled.long()].T - log_s
    rest = rest.masked_fill(target[:, None] == sampled[None], float("-inf"))
    loss = F.cross_entropy(torch.cat([own, rest], 1), torch.zeros(5, dtype=torch.long))
    out.update({"sampled.target": target, "sampled.sampled": sampled,
                "sampled.log_t": log_t, "sampled.log_s": log_s})
    store("sampled", loss, x=x, table=table)


def optimizer_case():
    p = torch.nn.Parameter(torch.randn(50))
    opt = torch.optim.AdamW([p], lr=3e-2, betas=(0.9, 0.95), eps=1e-4, weight_decay=0.1)
    out["adamw.start"] = p.detach().clone()
    grads = torch.randn(10, 50) * 2
    out["adamw.grads"] = grads
    for g in grads:
        p.grad = g.clone()
        torch.nn.utils.clip_grad_norm_([p], 10.0)
        opt.step()
    out["adamw.end"] = p.detach().clone()


x, w, b = leaf(13, 19), leaf(23, 19), leaf(23)
store("linear", F.linear(x, w, b), x=x, w=w, b=b)
conv_case("conv_mono", [130, 57], 1, 8, 10, 5, 0)
conv_case("conv_half", [31, 18], 6, 9, 3, 2, 1)
conv_case("conv_same", [31, 1], 6, 9, 3, 1, 1)
conv_case("conv_tight", [14, 21], 6, 9, 2, 2, 0)
positional_case("positional", [70, 9], 12, 16, 3)
norm_cases()
activation_cases()
attention_case("attention_full", [150, 1, 31], 2, 8, -1, -1, False)
attention_case("attention_causal", [150, 31], 2, 8, -1, 0, False)
attention_case("attention_window", [200, 3, 33], 2, 8, 20, 5, True)
table = leaf(11, 6)
ids = torch.tensor([3, 3, 0, 10, 3, 7], dtype=torch.int32)
out["embedding.ids"] = ids
store("embedding", F.embedding(ids.long(), table), table=table)
loss_cases()
optimizer_case()
save_file({k: v.contiguous() for k, v in out.items()}, sys.argv[1])
