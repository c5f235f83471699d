"""Mail to customers."""

import smtplib
from email.message import EmailMessage

from app.config import settings


def send(recipient: str, subject: str, body: str) -> None:
    message = EmailMessage()
    message["From"] = settings().mail_sender
    message["To"] = recipient
    message["Subject"] = subject
    message.set_content(body)
    with smtplib.SMTP(settings().smtp_host, settings().smtp_port, timeout=10) as server:
        server.send_message(message)
