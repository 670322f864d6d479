"""The echo bot of aiogram's documentation, with a keyboard; only the address of the Bot API is its own.

https://docs.aiogram.dev/en/latest/ (Usage with Dispatcher, Use custom API server)
"""

import asyncio
import logging
import sys
from os import getenv

from aiogram import Bot, Dispatcher, F, html
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.enums import ParseMode
from aiogram.filters import Command, CommandStart
from aiogram.types import CallbackQuery, Message
from aiogram.utils.keyboard import InlineKeyboardBuilder

dp = Dispatcher()


@dp.message(CommandStart())
async def command_start_handler(message: Message) -> None:
    await message.answer(f"Hello, {html.bold(message.from_user.full_name)}!")


@dp.message(Command("choose"))
async def choose_handler(message: Message) -> None:
    builder = InlineKeyboardBuilder()
    for number in (1, 2, 3):
        builder.button(text=f"Option {number}", callback_data=f"option:{number}")
    builder.adjust(2, 1)
    await message.answer("Please choose:", reply_markup=builder.as_markup())


@dp.callback_query(F.data.startswith("option:"))
async def option_handler(query: CallbackQuery) -> None:
    await query.answer()
    await query.message.edit_text(f"Selected option: {query.data.removeprefix('option:')}")


@dp.message()
async def echo_handler(message: Message) -> None:
    try:
        await message.send_copy(chat_id=message.chat.id)
    except TypeError:
        await message.answer("Nice try!")


async def main() -> None:
    session = AiohttpSession(api=TelegramAPIServer.from_base(getenv("BOT_API_URL")))
    bot = Bot(
        token=getenv("BOT_TOKEN"),
        session=session,
        default=DefaultBotProperties(parse_mode=ParseMode.HTML),
    )
    await dp.start_polling(bot)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    asyncio.run(main())
